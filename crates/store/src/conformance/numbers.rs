//! Numbers: which id a number has, by the newest word.

use crate::SharedStore;
use crate::model::NumberName;

fn number(display: &str, phone_number_id: &str) -> NumberName {
    NumberName { display: display.into(), phone_number_id: phone_number_id.into() }
}

pub async fn a_number_is_known_by_the_newest_word(store: SharedStore) {
    assert_eq!(store.numbers().await.unwrap(), []);
    store.learn_numbers(&[]).await.unwrap();
    store.learn_numbers(&[number("919876543210", "1"), number("4915112345678", "2")]).await.unwrap();
    store.learn_numbers(&[number("919876543210", "3")]).await.unwrap();
    let known = [number("4915112345678", "2"), number("919876543210", "3")];
    assert_eq!(store.numbers().await.unwrap(), known);
}
