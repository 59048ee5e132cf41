//! The templates of accounts: what they told last, what webhooks told since, and whose gate that closes.

use super::scene::at;
use crate::SharedStore;
use crate::model::TemplateKey;
use crate::registry::{News, ReadTemplate, TemplateFacts, TemplateNews};

fn key(name: &str) -> TemplateKey {
    TemplateKey { waba_id: "1".into(), name: name.into(), language: "en".into() }
}

fn read(name: &str, status: &str) -> ReadTemplate {
    let facts = TemplateFacts { status: status.into(), ttl_s: Some(43_200), ..TemplateFacts::default() };
    ReadTemplate { key: key(name), facts }
}

fn approved(name: &str, said: i64) -> TemplateNews {
    let what =
        News::Status { status: "APPROVED".into(), category: Some("MARKETING".into()), may_be_first: true };
    TemplateNews { key: key(name), said_at: at(said), what }
}

async fn statuses(store: &SharedStore) -> Vec<(String, String)> {
    let all = store.registered_templates("1").await.unwrap();
    all.into_iter().map(|one| (one.key.name, one.facts.status)).collect()
}

pub async fn what_the_account_told_last_is_kept(store: SharedStore) {
    assert_eq!(statuses(&store).await, []);
    store.keep_templates(&[read("a", "APPROVED"), read("b", "PENDING")], Some("1"), at(1)).await.unwrap();
    store.keep_templates(&[read("b", "APPROVED")], None, at(2)).await.unwrap();
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    assert_eq!(statuses(&store).await, pairs(&[("a", "APPROVED"), ("b", "APPROVED")]));
    let all = store.registered_templates("1").await.unwrap();
    assert_eq!((all[1].read_at, all[1].facts.first_seen_at), (Some(at(2)), Some(at(1))));
    assert_eq!((all[1].facts.approved_at, all[1].facts.ttl_s), (Some(at(2)), Some(43_200)));
    // What a full list does not have is gone; what only a webhook told of is not.
    store.template_news(&[approved("c", 3)], at(3)).await.unwrap();
    store.keep_templates(&[read("b", "PAUSED")], Some("1"), at(4)).await.unwrap();
    assert_eq!(statuses(&store).await, pairs(&[("b", "PAUSED"), ("c", "APPROVED")]));
    assert_eq!(store.registered_templates("2").await.unwrap(), []);
    store.keep_templates(&[], Some("2"), at(5)).await.unwrap();
    assert_eq!(statuses(&store).await.len(), 2);
}

pub async fn a_first_approval_closes_the_gate_from_then_on(store: SharedStore) {
    store.template_news(&[approved("new", 5)], at(6)).await.unwrap();
    let gate = store.gate(&key("new")).await.unwrap();
    assert_eq!((gate.created_at, gate.first_seen_at), (Some(at(6)), Some(at(6))));
    store.template_news(&[approved("new", 5)], at(60)).await.unwrap();
    assert_eq!(store.gate(&key("new")).await.unwrap(), gate, "repeated");
    store.see_template(&key("new"), at(70)).await.unwrap();
    assert_eq!(store.gate(&key("new")).await.unwrap(), gate, "launched later");
}

pub async fn a_template_that_was_there_before_is_not_created(store: SharedStore) {
    store.see_template(&key("seen"), at(1)).await.unwrap();
    store.keep_templates(&[read("read", "APPROVED"), read("paused", "PAUSED")], None, at(1)).await.unwrap();
    let unpaused = News::Status { status: "APPROVED".into(), category: None, may_be_first: false };
    let unpaused = TemplateNews { what: unpaused, ..approved("unpaused", 5) };
    let news = [approved("seen", 5), approved("read", 5), approved("paused", 5), unpaused];
    store.template_news(&news, at(6)).await.unwrap();
    for name in ["seen", "read", "paused", "unpaused"] {
        assert_eq!(store.gate(&key(name)).await.unwrap().created_at, None, "{name}");
    }
}
