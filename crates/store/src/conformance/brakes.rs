//! Brakes: what is braked grants nothing, and everything else goes on.

use super::scene::{Scene, Setup, at, template};
use crate::SharedStore;
use crate::brake::{Brake, BrakeChange, Cause, Lifted, Subject};
use crate::model::{Held, TemplateKey};

fn brake(on: Subject, cause: Cause) -> Brake {
    Brake { on, cause, reason: "Template paused: it was paused.".into(), since: at(1), until: None }
}

async fn set(store: &SharedStore, brake: Brake) {
    let now = brake.since;
    store.change_brakes(&[BrakeChange::Set(brake)], now).await.unwrap();
}

async fn lift(store: &SharedStore, on: &Subject, causes: &[Lifted]) -> Vec<Brake> {
    lift_as_of(store, on, causes, 9).await
}

async fn lift_as_of(store: &SharedStore, on: &Subject, causes: &[Lifted], said: i64) -> Vec<Brake> {
    let lift = BrakeChange::Lift(on.clone(), causes.to_vec(), at(said));
    store.change_brakes(&[lift], at(9)).await.unwrap().lifted
}

async fn is_braked(scene: &Scene) {
    let answer = scene.claim(0, 0..5, at(2)).await;
    assert!(answer.messages.is_empty());
    assert_eq!(answer.held, Some(Held::Braked));
}

pub async fn a_braked_template_grants_nothing(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let brake = brake(Subject::Template(template()), Cause::Refused(132_015));
    set(&store, brake.clone()).await;
    assert_eq!(store.brakes(at(2)).await.unwrap(), vec![brake.clone()]);
    is_braked(&scene).await;
    assert_eq!(lift(&store, &brake.on, &[Lifted::Refusals]).await, vec![brake]);
    assert_eq!(scene.claim(0, 0..5, at(2)).await.messages.len(), 5);
}

pub async fn a_braked_sender_or_account_grants_nothing(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let waba_id = template().waba_id;
    for on in [Subject::Sender("jaspers-in".into()), Subject::Account(waba_id)] {
        set(&store, brake(on.clone(), Cause::Status)).await;
        is_braked(&scene).await;
        lift(&store, &on, &[Lifted::Everything]).await;
    }
    assert_eq!(scene.claim(0, 0..5, at(2)).await.messages.len(), 5);
}

pub async fn a_brake_touches_nothing_else(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let others = [
        Subject::Template(TemplateKey { language: "hi".into(), ..template() }),
        Subject::Template(TemplateKey { name: "holi_sale".into(), ..template() }),
        Subject::Template(TemplateKey { waba_id: "7".into(), ..template() }),
        Subject::Sender("jaspers-ae".into()),
        Subject::Sender(template().waba_id),
        Subject::Account("7".into()),
    ];
    for on in others {
        set(&store, brake(on, Cause::Quality)).await;
    }
    assert_eq!(store.brakes(at(2)).await.unwrap().len(), 6);
    assert_eq!(scene.claim(0, 0..5, at(2)).await.messages.len(), 5);
}

pub async fn a_brake_ends_by_itself(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let on = Subject::Sender("jaspers-in".into());
    set(&store, Brake { until: Some(at(3)), ..brake(on, Cause::Refused(133_015)) }).await;
    is_braked(&scene).await;
    assert_eq!(store.brakes(at(3)).await.unwrap(), vec![]);
    assert_eq!(scene.claim(0, 0..5, at(3)).await.messages.len(), 5);
}

pub async fn a_brake_that_is_set_again_keeps_its_beginning(store: SharedStore) {
    let on = Subject::Sender("jaspers-in".into());
    let first = Brake { until: Some(at(10)), ..brake(on, Cause::Refused(133_015)) };
    set(&store, first.clone()).await;
    let again = Brake { since: at(5), until: Some(at(20)), reason: "Still.\0".into(), ..first.clone() };
    set(&store, again.clone()).await;
    let on = store.brakes(at(6)).await.unwrap();
    assert_eq!((on[0].since, on[0].until), (at(1), Some(at(20))));
    assert!(on[0].reason.starts_with("Still."));
    // It never ends sooner than was said before.
    set(&store, Brake { until: Some(at(15)), ..again.clone() }).await;
    assert_eq!(store.brakes(at(6)).await.unwrap()[0].until, Some(at(20)));
    // One that had ended begins anew.
    set(&store, Brake { since: at(30), until: None, ..again.clone() }).await;
    let on = store.brakes(at(31)).await.unwrap();
    assert_eq!((on[0].since, on[0].until), (at(30), None));
    set(&store, Brake { since: at(32), until: Some(at(40)), ..first }).await;
    assert_eq!(store.brakes(at(41)).await.unwrap()[0].until, None);
}

pub async fn each_cause_is_lifted_for_itself(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let on = Subject::Template(template());
    for cause in [Cause::Status, Cause::Category, Cause::Refused(132_015), Cause::Refused(132_069)] {
        set(&store, brake(on.clone(), cause)).await;
    }
    let lifted = lift(&store, &on, &[Lifted::Refusals, Lifted::Cause(Cause::Status)]).await;
    assert_eq!(lifted.len(), 3);
    is_braked(&scene).await;
    assert_eq!(lift(&store, &on, &[Lifted::Cause(Cause::Status)]).await, vec![]);
    assert_eq!(lift(&store, &on, &[Lifted::Cause(Cause::Category)]).await.len(), 1);
    assert_eq!(scene.claim(0, 0..5, at(2)).await.messages.len(), 5);
}

pub async fn changes_are_made_in_their_order(store: SharedStore) {
    let on = Subject::Account("7".into());
    let set = |said| BrakeChange::Set(Brake { since: at(said), ..brake(on.clone(), Cause::Status) });
    let lift = |said| BrakeChange::Lift(on.clone(), vec![Lifted::Everything], at(said));
    store.change_brakes(&[set(1), lift(2)], at(2)).await.unwrap();
    assert_eq!(store.brakes(at(2)).await.unwrap(), vec![]);
    let changed = store.change_brakes(&[set(3), lift(4), set(5)], at(5)).await.unwrap();
    assert_eq!((changed.set.len(), changed.lifted.len()), (2, 1));
    assert_eq!(store.brakes(at(5)).await.unwrap().len(), 1);
}

pub async fn an_old_word_that_is_repeated_changes_nothing(store: SharedStore) {
    let on = Subject::Template(template());
    let said = |second| Brake { since: at(second), ..brake(on.clone(), Cause::Status) };
    set(&store, said(1)).await;
    assert_eq!(lift_as_of(&store, &on, &[Lifted::Cause(Cause::Status)], 2).await.len(), 1);
    // What set it comes again, and so does one of the same second as what lifted it.
    for second in [1, 2] {
        let again = store.change_brakes(&[BrakeChange::Set(said(second))], at(9)).await.unwrap();
        assert_eq!((again.set, store.brakes(at(9)).await.unwrap()), (vec![], vec![]), "{second}");
    }
    // A new word counts, and what lifted the one before does not lift it.
    set(&store, said(3)).await;
    assert_eq!(lift_as_of(&store, &on, &[Lifted::Cause(Cause::Status)], 2).await, vec![]);
    assert_eq!(store.brakes(at(9)).await.unwrap().len(), 1);
    // Other causes, and other subjects, have words of their own.
    set(&store, Brake { since: at(1), ..brake(on.clone(), Cause::Quality) }).await;
    set(&store, Brake { since: at(1), ..brake(Subject::Account("7".into()), Cause::Status) }).await;
    assert_eq!(store.brakes(at(9)).await.unwrap().len(), 3);
}

pub async fn what_lifts_before_it_is_set_counts_too(store: SharedStore) {
    let on = Subject::Template(template());
    assert_eq!(lift_as_of(&store, &on, &[Lifted::Cause(Cause::Quality)], 5).await, vec![]);
    set(&store, Brake { since: at(4), ..brake(on.clone(), Cause::Quality) }).await;
    assert_eq!(store.brakes(at(9)).await.unwrap(), vec![]);
}

pub async fn an_old_approval_lifts_no_newer_refusal(store: SharedStore) {
    let on = Subject::Template(template());
    let refused = Brake { since: at(1_000), ..brake(on.clone(), Cause::Refused(132_015)) };
    set(&store, refused.clone()).await;
    assert_eq!(lift_as_of(&store, &on, &[Lifted::Refusals], 600).await, vec![]);
    // The platform's clock may be some minutes behind ours.
    assert_eq!(lift_as_of(&store, &on, &[Lifted::Refusals], 800).await, vec![refused.clone()]);
    // A refusal is met, not told: it is never too old to be set.
    set(&store, Brake { since: at(1), ..refused }).await;
    assert_eq!(store.brakes(at(9)).await.unwrap().len(), 1);
}
