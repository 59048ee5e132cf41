//! The suite that every store passes: what the operations of [`Store`] promise, as stories.
//!
//! A store's tests say `store::conformance::suite!(make)`, where `make` is an async function that returns a
//! fresh store and whatever must live as long as it. After every story all campaigns are verified: counters
//! equal rows, nothing is forgotten, nothing is impossible.
//!
//! | module | tells of |
//! | --- | --- |
//! | [`scene`] | a launched campaign and short words for what happens to it |
//! | [`access`] | tokens, sessions, what people did |
//! | [`launching`] | twice, dead ones, chunks, totals that do not fit |
//! | [`control`] | pausing, cancelling, reasons, reading |
//! | [`slices`] | released, taken back, deferred, finished by who lost them |
//! | [`claiming`] | one claimer per attempt, pauses, ends, opt-outs |
//! | [`disowning`] | claims whose answer was lost |
//! | [`brakes`] | what is braked, and what goes on beside it |
//! | [`gates`] | closed, one canary under concurrency, by hand |
//! | [`budgets`] | the ceiling under concurrent claims, what is settled and released |
//! | [`limits`] | how many people a portfolio may write to, how often a person, and who is left alone |
//! | [`numbers`] | which id a number has |
//! | [`purging`] | what is of people goes, what was counted stays |
//! | [`registry`] | the templates of accounts |
//! | [`recording`] | every kind of outcome, late and doubled |
//! | [`resending`] | doubts that are sent once more, and what is heard of the first attempt afterwards |
//! | [`doubts`] | doubts that an operator ends, and what is heard of them afterwards |
//! | [`follow_ups`] | what follow-ups are made of, and whom they leave alone in the end |
//! | [`inferring`] | statuses whose message only number, person and time tell |
//! | [`statuses`] | by key, by id, early, parked, late |
//! | [`orders`] | every order of an attempt's answer and its statuses, against the rule of which word counts |
//! | [`analytics`] | what the platform counted itself |
//! | [`leaders`] | one of many leads, for a time |
//! | [`series`] | recurring campaigns: launched once, moved, their times noted once |
//! | [`choices`] | people's last words on whether they want to be written to |
//! | [`webhooks`] | how many of each kind came |
//! | [`sweeps`] | lost workers, doubts, retries, TTL, deadlines |
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the suite is test code that lives in the library, so that every store can run it"
)]
#![expect(missing_docs, reason = "the names of the stories are sentences")]

pub mod access;
pub mod analytics;
pub mod brakes;
pub mod budgets;
pub mod choices;
pub mod claiming;
pub mod control;
pub mod disowning;
pub mod doubts;
pub mod follow_ups;
pub mod gates;
pub mod inferring;
pub mod launching;
pub mod leaders;
pub mod limits;
pub mod numbers;
pub mod orders;
pub mod purging;
pub mod recording;
pub mod registry;
pub mod resending;
pub mod samples;
pub mod scene;
pub mod series;
pub mod slices;
pub mod statuses;
pub mod sweeps;
pub mod webhooks;

pub use crate::conformance_suite as suite;

use crate::Store;

/// Verifies every campaign and compares what is counted with what is shown.
pub async fn assert_sound(store: &dyn Store) {
    for campaign in store.campaigns().await.unwrap().campaigns {
        let verdict = store.verify(campaign.id).await.unwrap();
        assert_eq!(verdict.violations, Vec::<String>::new(), "campaign {}", campaign.key);
        assert_eq!(verdict.counts, campaign.counts, "campaign {}", campaign.key);
        assert_eq!(verdict.excluded, campaign.totals.excluded);
        assert!(campaign.is_conserved(), "campaign {} is not conserved", campaign.key);
    }
}

/// Makes a test of every story. `$make` is the path of an async function that returns a `SharedStore` and a
/// value that is kept as long as the test runs.
#[macro_export]
macro_rules! conformance_suite {
    ($make:ident) => {
        $crate::conformance_suite! { @stories $make
            access {
                a_token_is_good_until_it_is_revoked_or_over
                a_session_ends_with_its_time_its_token_and_its_word
                what_people_did_is_read_from_the_newest
            }
            launching {
                a_launched_campaign_reads_as_it_was_written
                a_key_is_launched_once
                numbers_that_were_given_out_elsewhere_are_skipped
                a_dead_launch_is_replaced
                a_live_launch_is_not_replaced
                an_abandoned_launch_leaves_nothing
                totals_that_do_not_fit_are_refused
                a_recipient_twice_is_refused
                slices_of_one_number_add_up
                nothing_is_added_after_the_launch
            }
            control {
                the_state_machine_decides
                a_campaign_that_has_something_to_send_is_not_finished
                a_reason_stays_until_the_campaign_moves
                a_reason_is_written_only_to_the_state_it_is_for
                cancelled_campaigns_are_active_until_nothing_is_unsent
                pages_follow_each_other
                the_install_id_stays
                the_do_not_send_list
                words_with_a_nul_are_no_error
            }
            slices {
                slices_are_released_in_order_up_to_the_order
                nothing_is_released_unless_the_campaign_runs
                a_lease_that_ends_gives_the_slice_back
                a_claim_prolongs_the_lease
                unsent_messages_make_a_finished_slice_wait_again
                a_deferred_slice_waits_for_its_time
                retries_go_before_what_was_never_sent
                a_slow_worker_ends_a_slice_that_is_someone_elses
                work_is_what_is_left
                a_slice_in_hand_is_prolonged
                prolonging_never_shortens_a_lease
                only_released_slices_are_prolonged
            }
            claiming {
                of_many_claimers_one_gets_each_message
                nothing_is_claimed_twice
                a_claim_says_all_that_is_needed_to_send
                nothing_is_claimed_after_a_pause
                nothing_is_claimed_after_the_end
                a_slice_that_is_not_released_is_gone
                an_opt_out_takes_hold_at_the_claim
                another_slices_messages_are_not_granted
            }
            disowning {
                a_disowned_claim_is_given_back
                disowning_what_was_not_granted_does_nothing
                disowning_spares_what_is_in_hand
                a_doubt_about_what_never_left_is_ended
                a_doubt_about_what_left_stays
                a_disowned_canary_lets_another_go
            }
            gates {
                a_closed_gate_grants_nothing
                an_idle_template_gets_exactly_one_message
                a_canary_goes_to_who_may_get_it
                not_synced_closes_the_gate_and_uses_no_attempt_up
                a_refused_canary_lets_another_go
                a_refusal_told_twice_spares_the_next_canary
                a_retry_does_not_overtake_the_canary
                a_template_keeps_its_first_time
                campaigns_that_share_a_template_share_its_canary
            }
            brakes {
                a_braked_template_grants_nothing
                a_braked_sender_or_account_grants_nothing
                a_brake_touches_nothing_else
                a_brake_ends_by_itself
                a_brake_that_is_set_again_keeps_its_beginning
                each_cause_is_lifted_for_itself
                changes_are_made_in_their_order
                an_old_word_that_is_repeated_changes_nothing
                what_lifts_before_it_is_set_counts_too
                an_old_approval_lifts_no_newer_refusal
            }
            budgets {
                concurrent_claims_never_pass_the_ceiling
                what_can_never_fit_is_skipped
                a_held_doubt_does_not_hold_up_the_budget_for_ever
                what_was_delivered_is_spent_and_the_rest_released
                a_told_cost_corrects_the_assumed_one
                a_late_delivery_is_spent_even_above_the_ceiling
                a_doubt_that_is_sent_again_is_reserved_twice
                money_is_given_back_by_refusals
            }
            limits {
                no_more_people_than_the_portfolio_may_write_to
                campaigns_of_a_portfolio_share_its_limit_under_concurrency
                who_was_written_to_counts_once
                who_counts_already_is_written_to_again_at_the_limit
                a_portfolio_that_is_named_later_counts_for_what_was_launched_before
                a_portfolio_without_a_limit_counts_nobody
                who_had_as_many_as_the_cap_allows_is_skipped
                a_shielded_person_is_left_alone_by_all_campaigns
                a_status_that_shields_holds_for_others_too
            }
            recording {
                each_kind_of_outcome
                an_outcome_told_twice_is_told_once
                an_outcome_of_an_earlier_attempt_changes_no_state
                a_response_that_came_after_the_worker_was_lost_ends_the_doubt
                nothing_waits_in_a_campaign_that_is_done
                an_outcome_for_nobody_is_no_error
            }
            resending {
                a_late_acceptance_of_the_first_attempt_stops_the_third
                a_late_acceptance_stops_what_was_given_a_slice
                an_acceptance_of_the_first_while_the_second_is_on_its_way
                a_sent_status_of_the_first_while_the_second_is_on_its_way
                a_failure_for_now_of_the_second_is_not_retried_where_the_first_was_taken
                the_second_counts_where_the_first_failed
                an_ended_message_whose_first_attempt_was_taken_is_corrected
                both_attempts_are_delivered
            }
            doubts {
                what_is_in_doubt_is_listed
                an_operator_ends_doubts_in_each_way
                what_may_not_be_decided_changes_nothing
                a_later_word_is_believed_and_told
                an_answer_that_comes_late_ends_the_trust
                what_was_sent_twice_says_who_decided_it
                word_that_comes_in_time_stops_the_second
                of_two_who_decide_at_once_one_does
                the_budget_is_held_until_a_doubt_ends
            }
            follow_ups {
                failed_messages_know_their_follow_ups
                a_follow_up_leaves_alone_whom_another_run_reached_meanwhile
                what_another_run_may_have_reached_is_left_alone
                the_campaign_leaves_alone_whom_its_follow_up_reached
                a_campaign_asks_no_others_about_its_people
            }
            statuses {
                statuses_are_found_by_key_before_any_response
                early_statuses_without_a_key_wait_for_the_response
                a_parked_status_is_parked_once_and_pruned
                the_earlier_attempts_failure_does_not_touch_the_newer
                the_earlier_attempts_delivery_is_believed
                a_failure_that_may_pass_is_retried
                a_failure_is_retried_as_often_as_the_campaign_says
                a_failure_is_not_retried_after_the_end
                who_opted_out_by_status_is_not_written_to_again
                a_key_that_no_message_has_is_parked
                a_read_message_was_delivered
                what_a_message_was_sent_with
                the_extremes_of_what_webhooks_may_say_are_kept
                a_late_delivery_after_expiry
            }
            inferring {
                a_parked_status_finds_the_only_doubt
                nothing_but_the_only_doubt_is_matched
                a_doubt_whose_answer_may_come_is_left_alone
                what_was_matched_by_inference_is_never_tried_again
                all_that_is_known_of_a_person_is_looked_at
                doubts_are_looked_at_in_turn
                what_is_parked_comes_before_a_policy
                what_is_parked_comes_before_an_operator
                an_attempt_that_was_sent_once_more_may_be_meant
            }
            orders {
                every_order_around_an_acceptance
                every_order_around_an_acceptance_without_our_key
                every_order_around_being_held
                every_order_around_a_refusal
                every_order_around_a_refusal_that_may_pass
                every_order_around_an_unknown_end
                every_order_around_a_doubt_and_its_late_answer
                every_order_without_an_answer
                what_is_sent_although_it_was_refused_does_not_leave_again
                without_our_key_a_refused_attempt_is_not_found
            }
            sweeps {
                claims_of_silent_workers_become_doubts
                overdue_claims_become_doubts
                a_worker_that_claims_is_alive
                taking_over_spares_oneself
                doubts_end_by_policy
                a_doubt_is_resent_once
                a_status_ends_a_doubt
                retries_get_slices_of_their_own
                a_retry_that_was_placed_is_not_placed_again
                the_ttl_expires_what_was_not_delivered
                the_end_expires_what_was_not_sent
                cancelling_skips_what_was_not_sent
            }
            choices {
                the_last_word_counts_whenever_it_is_heard
                an_operators_decision_stands_until_a_person_says_something_new
                a_refusal_that_is_told_again_does_not_undo_a_newer_word
                a_refused_send_is_a_word_like_any_other
            }
            webhooks {
                webhooks_are_counted_by_kind_number_and_day
                what_never_matched_is_counted_when_it_is_dropped
            }
            analytics {
                the_last_answer_is_kept
            }
            samples {
                what_changed_is_noted_every_few_seconds
                a_day_after_its_end_nothing_is_noted_of_a_campaign
            }
            purging {
                a_purged_campaign_keeps_what_was_counted
                a_campaign_that_is_not_over_is_not_purged
                a_late_webhook_of_a_purged_message_counts_and_names_nobody
                a_purged_person_is_in_no_campaign
                a_person_whose_message_is_under_way_is_not_purged
                a_person_in_a_launch_is_purged_when_that_is_dead
                nothing_else_that_names_a_purged_person_is_left
                who_is_purged_while_a_follow_up_is_made_is_not_in_it
                a_campaign_that_is_purged_while_a_follow_up_is_made_has_none
                a_launch_that_died_is_removed
                refused_rows_are_a_persons_however_they_are_written
            }
            numbers {
                a_number_is_known_by_the_newest_word
            }
            registry {
                what_the_account_told_last_is_kept
                a_first_approval_closes_the_gate_from_then_on
                a_template_that_was_there_before_is_not_created
            }
            leaders {
                one_of_many_leads
                a_leader_renews_its_lease
                another_takes_over_after_the_lease
                a_leader_that_stood_still_learns_that_it_leads_no_more
                a_leader_that_nobody_replaced_leads_on
                resigning_frees_the_role_at_once
                roles_are_led_apart
            }
            series {
                a_series_reads_as_it_was_written
                a_key_is_a_campaigns_or_a_series
                of_launches_at_once_one_gets_the_key
                a_dead_launch_gives_its_key_to_a_series
                what_becomes_of_a_time_is_noted_once
                a_problem_is_known_until_the_next
                the_state_machine_of_series_decides
            }
        }
    };
    (@stories $make:ident $($module:ident { $($story:ident)* })*) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                let (store, _kept) = super::$make().await;
                $crate::conformance::$module::$story(store.clone()).await;
                $crate::conformance::assert_sound(&*store).await;
            })*
        })*
    };
}
