//! What the platform counted itself: kept as it was last asked.

use std::collections::BTreeMap;

use super::scene::{Setup, at, template};
use crate::SharedStore;
use crate::model::{Analytics, Charge, TemplateCount};

pub async fn the_last_answer_is_kept(store: SharedStore) {
    let scene = Setup::default().launch(&store).await;
    assert_eq!(store.analytics(scene.id).await.unwrap(), None);
    let first = Analytics::default();
    store.keep_analytics(scene.id, &first, at(5)).await.unwrap();
    assert_eq!(store.analytics(scene.id).await.unwrap(), Some((first, at(5))));
    let second = Analytics {
        from: at(0).date_naive(),
        to: at(90_000).date_naive(),
        templates: vec![TemplateCount {
            template: template(),
            sent: 10,
            delivered: 9,
            read: 3,
            clicks: BTreeMap::from([("Jetzt \u{2192} 50 %".to_owned(), 2)]),
            spent: Some("7.74".parse().unwrap()),
        }],
        charges: vec![Charge {
            waba_id: template().waba_id,
            country: Some("IN".to_owned()),
            category: "MARKETING_LITE".to_owned(),
            messages: 9,
            cost: None,
        }],
    };
    store.keep_analytics(scene.id, &second, at(6)).await.unwrap();
    assert_eq!(store.analytics(scene.id).await.unwrap(), Some((second, at(6))));
}
