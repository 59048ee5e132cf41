//! Which sender a webhook about a number concerns. It names the number as people write it, and workers.toml names it by
//! its id: the metadata of status webhooks tie the two, and the store keeps what they told.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::model::NumberName;
use store::{Store, StoreError};

/// A sender of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSender {
    /// Its name.
    pub name: String,
    /// The account it belongs to.
    pub waba_id: String,
    /// Its number's id, where it is told: 360dialog's keys stand for their numbers.
    pub phone_number_id: Option<String>,
}

/// The senders, and the numbers that are known of them.
#[derive(Debug)]
pub(crate) struct Numbers {
    senders: Vec<KnownSender>,
    /// Digits to id: what the store has, as far as this process knows.
    known: Mutex<BTreeMap<String, String>>,
}

impl Numbers {
    pub(crate) fn new(senders: Vec<KnownSender>) -> Self {
        Self { senders, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is new of these.
    pub(crate) async fn learn(&self, store: &dyn Store, told: &[NumberName]) -> Result<(), StoreError> {
        let is_known =
            |number: &&NumberName| self.known().get(&number.display) == Some(&number.phone_number_id);
        let new: Vec<NumberName> = told.iter().filter(|number| !is_known(number)).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        store.learn_numbers(&new).await?;
        self.known().extend(new.into_iter().map(|number| (number.display, number.phone_number_id)));
        Ok(())
    }

    /// The sender with this number, if it is one of ours and known.
    pub(crate) async fn sender(
        &self,
        store: &dyn Store,
        display: &str,
    ) -> Result<Option<&KnownSender>, StoreError> {
        let digits = digits(display);
        // Another process, or one before this, may have learnt it.
        let all = store.numbers().await?;
        let id = all.into_iter().find(|number| number.display == digits).map(|number| number.phone_number_id);
        Ok(id.and_then(|id| {
            self.senders.iter().find(|sender| sender.phone_number_id.as_deref() == Some(id.as_str()))
        }))
    }

    /// The names of the senders with this number's id; where none is told to have it, of those whose number's id is not
    /// told.
    pub(crate) fn senders_of(&self, phone_number_id: &str) -> Vec<String> {
        let with = |id: Option<&str>| {
            let senders = self.senders.iter().filter(move |sender| sender.phone_number_id.as_deref() == id);
            senders.map(|sender| sender.name.clone()).collect::<Vec<_>>()
        };
        let named = with(Some(phone_number_id));
        if named.is_empty() { with(None) } else { named }
    }

    /// The senders of an account.
    pub(crate) fn of_account<'n>(&'n self, waba_id: &'n str) -> impl Iterator<Item = &'n KnownSender> {
        self.senders.iter().filter(move |sender| sender.waba_id == waba_id)
    }
}

/// A number is written with spaces, a plus, or neither.
pub(crate) fn digits(display: &str) -> String {
    display.chars().filter(char::is_ascii_digit).collect()
}
