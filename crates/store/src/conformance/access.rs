//! Tokens, sessions, and the log of what people did.

use chrono::TimeDelta;

use super::scene::at;
use crate::SharedStore;
use crate::access::{Deed, NewToken, Outcome, Role, Session, Via};

fn token(name: &str, hash: &str) -> NewToken {
    NewToken {
        name: name.into(),
        role: Role::Viewer,
        hash: hash.into(),
        created_by: "asha".into(),
        expires_at: None,
    }
}

pub async fn a_token_is_good_until_it_is_revoked_or_over(store: SharedStore) {
    assert!(store.add_token(&token("grafana", "a1"), at(0)).await.unwrap());
    assert!(store.add_token(&token("grafana", "a1"), at(0)).await.unwrap(), "it is the same one");
    assert!(!store.add_token(&token("grafana", "b2"), at(1)).await.unwrap(), "the name is taken");
    let short = NewToken { expires_at: Some(at(100)), role: Role::Operator, ..token("ops", "c3") };
    assert!(store.add_token(&short, at(1)).await.unwrap());
    assert!(store.use_token("b2", at(2)).await.unwrap().is_none(), "one that was not kept lets nobody in");
    let found = store.use_token("c3", at(99)).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.role, found.expires_at), ("ops", Role::Operator, Some(at(100))));
    assert!(store.use_token("c3", at(100)).await.unwrap().is_none(), "it is over");

    // That it was used is noted to the minute.
    for (when, noted) in [(10, 10), (69, 10), (71, 71)] {
        store.use_token("a1", at(when)).await.unwrap().unwrap();
        assert_eq!(store.tokens().await.unwrap()[0].last_used_at, Some(at(noted)), "used at {when}");
    }

    assert!(store.revoke_token("grafana", at(200)).await.unwrap());
    assert!(!store.revoke_token("grafana", at(201)).await.unwrap());
    assert!(store.use_token("a1", at(202)).await.unwrap().is_none());
    assert!(store.add_token(&token("grafana", "d4"), at(203)).await.unwrap(), "its name is free again");
    let all = store.tokens().await.unwrap();
    let seen: Vec<_> = all.iter().map(|t| (t.name.as_str(), t.is_good(at(204)), t.created_at)).collect();
    assert_eq!(seen, [("grafana", true, at(203)), ("grafana", false, at(0)), ("ops", false, at(1))]);
}

pub async fn a_session_ends_with_its_time_its_token_and_its_word(store: SharedStore) {
    let session = |token: &str, end| Session { token_hash: token.into(), expires_at: at(end) };
    assert!(store.add_token(&token("grafana", "a1"), at(0)).await.unwrap());
    for (hash, session) in [("s1", session("a1", 100)), ("s2", session("a1", 300)), ("s3", session("x", 300))]
    {
        store.begin_session(hash, &session, at(0)).await.unwrap();
    }
    assert_eq!(store.session("s1", at(99)).await.unwrap(), Some(session("a1", 100)));
    assert_eq!(store.session("s1", at(100)).await.unwrap(), None);
    assert_eq!(store.session("a1", at(1)).await.unwrap(), None, "a token is no session");
    store.begin_session("s4", &session("x", 300), at(150)).await.unwrap();
    assert_eq!(store.session("s1", at(0)).await.unwrap(), None, "what was over is forgotten");
    store.revoke_token("grafana", at(151)).await.unwrap();
    assert_eq!(store.session("s2", at(152)).await.unwrap(), None);
    store.end_session("s4").await.unwrap();
    assert_eq!(store.session("s4", at(152)).await.unwrap(), None);
    assert_eq!(store.session("s3", at(152)).await.unwrap(), Some(session("x", 300)), "nobody else's ends");
}

pub async fn what_people_did_is_read_from_the_newest(store: SharedStore) {
    let deed = |n: i64| Deed {
        at: at(n),
        who: "asha\0".into(),
        via: Via::ALL[usize::try_from(n).unwrap() % 3],
        action: "pause".into(),
        target: format!("campaign-{n}"),
        detail: "for lunch".into(),
        outcome: Outcome::Refused,
    };
    for n in 0..5 {
        store.log_deed(&deed(n)).await.unwrap();
    }
    let first = store.deeds(None, 3).await.unwrap();
    let seen: Vec<_> = first.iter().map(|(_, deed)| deed.target.as_str()).collect();
    assert_eq!(seen, ["campaign-4", "campaign-3", "campaign-2"]);
    let rest = store.deeds(first.last().map(|(number, _)| *number), 3).await.unwrap();
    assert_eq!(rest.len(), 2);
    let (told, was) = (&rest[0].1, deed(1));
    assert!(told.who.starts_with("asha") && (told.via, told.outcome) == (was.via, was.outcome));
    assert_eq!((told.at, &told.detail), (was.at, &was.detail));
    assert_eq!(rest[1].1.at + TimeDelta::seconds(1), told.at);
}
