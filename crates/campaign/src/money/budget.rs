//! The budget's arithmetic: reserve the worst case before a message leaves, settle it when its price is
//! known, release it when it will never be charged. Spent and reserved together never pass the limit.

use serde::{Deserialize, Serialize};

use super::amount::{Micros, Money};
use super::currency::Currency;
use super::max_price::{MaxPrice, Multiplier};
use super::rate_card::{Basis, RateCard, WorstCase};

/// Where a campaign's money stands. All amounts are in the budget's currency and not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The most that may be spent.
    pub limit: Micros,
    /// What delivered messages have cost.
    pub spent: Micros,
    /// The worst case of all messages that are claimed and neither priced nor given up.
    pub reserved: Micros,
}

/// A step that the budget does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// The reservation would pass the limit.
    #[error("the budget has {left} millionths left, and the message may cost {wanted}", left = left.0, wanted = wanted.0)]
    Exhausted {
        /// What is neither spent nor reserved.
        left: Micros,
        /// What was asked for.
        wanted: Micros,
    },
    /// More is settled or released than is reserved: the books are wrong.
    #[error("{given} millionths are given back of a reservation of {reserved}; the books do not agree", given = given.0, reserved = reserved.0)]
    NotReserved {
        /// What is reserved.
        reserved: Micros,
        /// What was given back.
        given: Micros,
    },
    /// An amount is negative or the sum does not fit.
    #[error("an amount of {amount} millionths is no cost of a message", amount = amount.0)]
    BadAmount {
        /// The amount.
        amount: Micros,
    },
}

impl Budget {
    /// A budget of which nothing is used.
    pub const fn new(limit: Micros) -> Self {
        Self { limit, spent: Micros::ZERO, reserved: Micros::ZERO }
    }

    /// What is neither spent nor reserved; zero where an overrun took more.
    pub fn left(self) -> Micros {
        let used = self.spent.0.saturating_add(self.reserved.0);
        Micros(self.limit.0.saturating_sub(used).max(0))
    }

    /// Whether a message that costs at most `worst_case` may be claimed.
    pub fn can_reserve(self, worst_case: Micros) -> bool {
        worst_case >= Micros::ZERO && worst_case <= self.left()
    }

    /// How many messages of the same worst case may be claimed; `u64::MAX` where they cost nothing.
    pub fn messages_left(self, worst_case: Micros) -> u64 {
        if worst_case <= Micros::ZERO {
            return u64::MAX;
        }
        u64::try_from(self.left().0 / worst_case.0).unwrap_or(0)
    }

    /// Sets the worst case of a message aside.
    ///
    /// # Errors
    ///
    /// The rest of the budget is less than that, or the amount is negative.
    pub fn reserve(self, worst_case: Micros) -> Result<Self, BudgetError> {
        if worst_case < Micros::ZERO {
            return Err(BudgetError::BadAmount { amount: worst_case });
        }
        if !self.can_reserve(worst_case) {
            return Err(BudgetError::Exhausted { left: self.left(), wanted: worst_case });
        }
        let reserved =
            self.reserved.checked_add(worst_case).ok_or(BudgetError::BadAmount { amount: worst_case })?;
        Ok(Self { reserved, ..self })
    }

    /// Turns a reservation into what the message really cost. `reserved` is what was set aside for it:
    /// zero where it had been released before (a price that came after the message was given up).
    ///
    /// The platform promises never to charge more than the worst case. Should it, the truth is recorded
    /// nevertheless: [`Budget::overrun`] tells, and nothing is reserved until it is made up for.
    ///
    /// # Errors
    ///
    /// More is given back than is reserved, an amount is negative, or the sum does not fit.
    pub fn settle(self, reserved: Micros, actual: Micros) -> Result<Self, BudgetError> {
        if actual < Micros::ZERO {
            return Err(BudgetError::BadAmount { amount: actual });
        }
        let spent = self.spent.checked_add(actual).ok_or(BudgetError::BadAmount { amount: actual })?;
        Ok(Self { spent, ..self.release(reserved)? })
    }

    /// Gives a reservation back: the message failed or expired and will not be charged.
    ///
    /// # Errors
    ///
    /// More is given back than is reserved, or the amount is negative.
    pub fn release(self, reserved: Micros) -> Result<Self, BudgetError> {
        if reserved < Micros::ZERO {
            return Err(BudgetError::BadAmount { amount: reserved });
        }
        if reserved > self.reserved {
            return Err(BudgetError::NotReserved { reserved: self.reserved, given: reserved });
        }
        Ok(Self { reserved: Micros(self.reserved.0 - reserved.0), ..self })
    }

    /// By how much spent and reserved pass the limit: zero unless the platform charged more than a
    /// worst case, or the limit was lowered.
    pub fn overrun(self) -> Micros {
        Micros(self.spent.0.saturating_add(self.reserved.0).saturating_sub(self.limit.0).max(0))
    }
}

/// What one message can cost at most, in the budget's currency: its max price times its multiplier
/// where one is set in that currency; else the rate card's price for the recipient's market; else, where
/// the market or its price is unknown, the highest price of the card ([`RateCard::highest`]).
///
/// `None` where none of these says anything in that currency: such a campaign cannot keep a budget.
pub fn worst_case(
    max_price: Option<(MaxPrice, Multiplier)>,
    card: &RateCard,
    country: Option<&str>,
    currency: Currency,
) -> Option<WorstCase> {
    match max_price {
        Some((max_price, multiplier)) if max_price.price.currency == currency => {
            Some(WorstCase { amount: max_price.worst_case(multiplier)?, basis: Basis::MaxPrice })
        }
        Some(_) | None => card.worst_case(country, currency),
    }
}

/// A budget as people write it becomes one that is counted: `None` where it does not fit.
pub fn open(limit: Money) -> Option<Budget> {
    limit.micros().map(Budget::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_campaigns_money() {
        let budget = open(Money::parse("10", "INR").unwrap()).unwrap();
        let price = Micros(4_000_000);
        let two = budget.reserve(price).unwrap().reserve(price).unwrap();
        assert_eq!(two.messages_left(price), 0);
        assert_eq!(
            two.reserve(price),
            Err(BudgetError::Exhausted { left: Micros(2_000_000), wanted: price })
        );
        let one_delivered = two.settle(price, Micros(3_000_000)).unwrap();
        assert_eq!(one_delivered.left(), Micros(3_000_000));
        let one_failed = one_delivered.release(price).unwrap();
        assert_eq!(
            one_failed,
            Budget { limit: Micros(10_000_000), spent: Micros(3_000_000), reserved: Micros::ZERO }
        );
        assert!(matches!(one_failed.release(Micros(1)), Err(BudgetError::NotReserved { .. })));
        assert!(matches!(one_failed.reserve(Micros(-1)), Err(BudgetError::BadAmount { .. })));
        assert!(matches!(one_failed.settle(Micros::ZERO, Micros(-1)), Err(BudgetError::BadAmount { .. })));
        assert_eq!(one_failed.messages_left(Micros::ZERO), u64::MAX);
    }

    #[test]
    fn an_overrun_is_recorded_and_stops_reservations() {
        let budget =
            Budget::new(Micros(100)).reserve(Micros(100)).unwrap().settle(Micros(100), Micros(130)).unwrap();
        assert_eq!((budget.overrun(), budget.left()), (Micros(30), Micros::ZERO));
        assert!(!budget.can_reserve(Micros(1)));
        assert!(budget.can_reserve(Micros::ZERO));
    }

    #[test]
    fn where_a_worst_case_comes_from() {
        let card = RateCard::shipped().unwrap();
        let inr = MaxPrice { price: Money::parse("0.87", "INR").unwrap() };
        let two = "2".parse().unwrap();
        let case = |max_price, country, currency| worst_case(max_price, &card, country, currency).unwrap();
        assert_eq!(case(Some((inr, two)), Some("IN"), Currency::INR).amount, Micros(1_740_000));
        assert_eq!(case(Some((inr, two)), Some("IN"), Currency::USD).basis, Basis::RateCard);
        assert_eq!(case(None, Some("IN"), Currency::INR).amount, Micros(863_100));
        assert_eq!(case(None, None, Currency::USD).basis, Basis::HighestOfCard);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Reserve(i64),
        Settle { which: usize, percent: i64 },
        Release { which: usize },
        Late(i64),
    }

    fn steps(most_percent: i64, late: i64) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0i64..50).prop_map(Step::Reserve),
            2 => (any::<usize>(), 0..=most_percent).prop_map(|(which, percent)| Step::Settle { which, percent }),
            1 => any::<usize>().prop_map(|which| Step::Release { which }),
            1 => (0..=late).prop_map(Step::Late),
        ];
        proptest::collection::vec(step, 0..200)
    }

    /// Plays the steps against a ledger of single reservations and returns the final budget.
    fn play(limit: i64, steps: &[Step]) -> Result<Budget, TestCaseError> {
        let mut budget = Budget::new(Micros(limit));
        let mut open: Vec<i64> = Vec::new();
        let (mut spent, mut over) = (0i64, 0i64);
        for step in steps {
            match *step {
                Step::Reserve(amount) => {
                    let fits = spent + open.iter().sum::<i64>() + amount <= limit
                        || (amount == 0 && budget.overrun() > Micros::ZERO);
                    prop_assert_eq!(budget.can_reserve(Micros(amount)), fits);
                    match budget.reserve(Micros(amount)) {
                        Ok(next) => {
                            prop_assert!(fits);
                            open.push(amount);
                            budget = next;
                        }
                        Err(_) => prop_assert!(!fits),
                    }
                }
                Step::Settle { which, percent } if !open.is_empty() => {
                    let reserved = open.swap_remove(which % open.len());
                    let actual = reserved * percent / 100;
                    spent += actual;
                    over += (actual - reserved).max(0);
                    budget = budget.settle(Micros(reserved), Micros(actual)).unwrap();
                }
                Step::Release { which } if !open.is_empty() => {
                    let reserved = open.swap_remove(which % open.len());
                    budget = budget.release(Micros(reserved)).unwrap();
                }
                Step::Late(actual) => {
                    spent += actual;
                    over += actual;
                    budget = budget.settle(Micros::ZERO, Micros(actual)).unwrap();
                }
                Step::Settle { .. } | Step::Release { .. } => {}
            }
            prop_assert_eq!(budget.spent, Micros(spent));
            prop_assert_eq!(budget.reserved, Micros(open.iter().sum()));
            prop_assert!(budget.overrun().0 <= over, "only overcharging passes the limit");
        }
        Ok(budget)
    }

    proptest! {
        #[test]
        fn the_budget_is_a_ceiling(limit in 0i64..1_000, steps in steps(100, 0)) {
            let budget = play(limit, &steps)?;
            prop_assert_eq!(budget.overrun(), Micros::ZERO);
        }

        #[test]
        fn overcharging_is_never_made_worse(limit in 0i64..1_000, steps in steps(150, 30)) {
            play(limit, &steps)?;
        }

        #[test]
        fn a_price_after_the_release_still_counts(limit in 0i64..1_000, late in 0i64..50) {
            play(limit, &[Step::Reserve(late), Step::Release { which: 0 }]).map(|_| ())?;
            let after = Budget::new(Micros(limit)).settle(Micros::ZERO, Micros(late)).unwrap();
            prop_assert_eq!(after.spent, Micros(late));
            prop_assert_eq!(after.overrun(), Micros((late - limit).max(0)));
        }

        #[test]
        fn hostile_numbers_never_panic(limit: i64, spent: i64, reserved: i64, a: i64, b: i64) {
            let budget = Budget { limit: Micros(limit), spent: Micros(spent), reserved: Micros(reserved) };
            let _ = (budget.left(), budget.overrun(), budget.can_reserve(Micros(a)), budget.messages_left(Micros(a)));
            let _ = (budget.reserve(Micros(a)), budget.settle(Micros(a), Micros(b)), budget.release(Micros(a)));
        }
    }
}
