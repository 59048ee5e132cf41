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
    store.change_brakes(&[BrakeChange::Lift(on.clone(), causes.to_vec())], at(9)).await.unwrap()
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
    let set = || BrakeChange::Set(brake(on.clone(), Cause::Status));
    let lift = || BrakeChange::Lift(on.clone(), vec![Lifted::Everything]);
    store.change_brakes(&[set(), lift()], at(1)).await.unwrap();
    assert_eq!(store.brakes(at(2)).await.unwrap(), vec![]);
    store.change_brakes(&[set(), lift(), set()], at(1)).await.unwrap();
    assert_eq!(store.brakes(at(2)).await.unwrap().len(), 1);
}
