//! What the board's API tells of slices: while one runs, after they are done, and after one has failed.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use campaign::ids::{CampaignId, SliceId};
use dashboard::board;
use queue::Job;
use reqwest::StatusCode;
use serde_json::{Value, json};
use servers::Postgres;
use store::PostgresStore;

use crate::scene::{PANICS, Scene, named, slices};

#[tokio::test]
async fn slices_are_told_from_memory() {
    slices_are_told(Scene::in_memory().await).await;
}

#[tokio::test]
async fn slices_are_told_from_redis() {
    slices_are_told(Scene::in_redis().await).await;
}

/// Before, while one runs, and after all have ended, one of them by a panic.
async fn slices_are_told(mut scene: Scene) {
    nothing_is_told_yet(&scene).await;
    scene.push().await;
    let serving = scene.serve().await;
    while_a_slice_runs(&scene).await;
    scene.let_go();
    scene.until("DONE_JOBS 5").await;
    scene.until("FAILED_JOBS 1").await;
    after_all_have_ended(&scene).await;
    scene.stop.cancel();
    serving.await.unwrap();
    assert_eq!(scene.api("/workers").await, json!([]));
}

async fn nothing_is_told_yet(scene: &Scene) {
    let queues = scene.api("/queues").await;
    assert_eq!(queues[0]["name"], "jaspers-in");
    assert_eq!(queues[0]["workers"], json!([]));
    assert_eq!(queues[0]["activity"], json!([0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(queues[1]["name"], "quiet");
    for path in ["/tasks", "/workers", "/queues/jaspers-in/tasks?status=", "/queues/quiet/workers"] {
        assert_eq!(scene.api(path).await, json!([]), "{path}");
    }
    let overview = scene.statistics("/overview").await;
    assert_eq!(overview[..4], ["RUNNING_JOBS 0", "PENDING_JOBS 0", "COMPLETED_JOBS 0", "FAILED_JOBS 0"]);
}

async fn while_a_slice_runs(scene: &Scene) {
    let running =
        scene.api("/queues/jaspers-in/tasks?&page=1&page_size=15&queue=jaspers-in&status=Running").await;
    assert_eq!(slices(&running), [0]);
    let (args, ctx) = (&running[0]["args"], &running[0]["ctx"]);
    assert_eq!(args["campaign"], "diwali");
    assert_eq!((&args["messages"], &args["unsent"]), (&json!(5), &json!(5)));
    assert_eq!((&args["sender"], &args["template"]), (&json!("jaspers-in"), &json!("diwali_sale/en")));
    let worker = ctx["lock_by"].as_str().unwrap();
    assert!(worker.starts_with("w-1"), "{worker}");
    assert_eq!(args["state"], format!("in the hands of {worker}"));
    assert_eq!((&ctx["task_id"], &ctx["status"]), (&json!("0.diwali"), &json!("Running")));
    assert_eq!((&ctx["attempt"], &ctx["queue"]), (&json!(1), &json!("jaspers-in")));
    assert!(ctx["lock_at"].as_u64() >= ctx["run_at"].as_u64() && ctx["lock_at"].is_u64());
    for id in ["0.diwali".to_owned(), format!("0.~{}", scene.campaign.id)] {
        assert_eq!(scene.api(&format!("/queues/jaspers-in/tasks/{id}")).await, running[0]);
    }

    let waiting = scene.api("/queues/jaspers-in/tasks?page=1&page_size=15&status=Pending").await;
    assert_eq!(slices(&waiting), [1, 2, 3, 4, 5]);
    assert_eq!(waiting[0]["args"]["state"], "waits for a worker");
    assert_eq!(waiting[0]["args"]["unsent"], 5);
    assert_eq!(waiting[0]["ctx"]["lock_by"], Value::Null);
    // The same over all queues, and page by page.
    assert_eq!(scene.api("/tasks?status=Pending&page=1").await, waiting);
    let page = |number| format!("/tasks?page={number}&page_size=4&queue=&status=");
    assert_eq!(slices(&scene.api(&page(1)).await), [0, 1, 2, 3]);
    assert_eq!(slices(&scene.api(&page(2)).await), [4, 5]);
    assert_eq!(slices(&scene.api(&page(3)).await), [0; 0]);

    let expected = ["PENDING_JOBS 5", "RUNNING_JOBS 1", "DONE_JOBS 0", "FAILED_JOBS 0", "KILLED_JOBS 0"];
    assert_eq!(scene.statistics("/queues/jaspers-in/stats").await[..5], expected);
    assert_eq!(scene.statistics("/queues/quiet/stats").await[..2], ["PENDING_JOBS 0", "RUNNING_JOBS 0"]);
    assert_eq!(scene.statistics("/overview").await[..2], ["RUNNING_JOBS 1", "PENDING_JOBS 5"]);
    let queues = scene.api("/queues").await;
    assert_eq!(named(&queues[0]["stats"])[..2], expected[..2]);
    assert_eq!(queues[0]["workers"], json!([worker]));

    let workers = scene.api("/queues/jaspers-in/workers").await;
    assert_eq!(workers[0]["id"], worker);
    assert_eq!(
        (&workers[0]["queue"], &workers[0]["backend"]),
        (&json!("jaspers-in"), &json!("1 slice in hand"))
    );
    assert!(workers[0]["last_heartbeat"].as_u64() >= workers[0]["started_at"].as_u64());
    let all = scene.api("/workers").await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!((&all[1]["queue"], &all[1]["backend"]), (&json!("quiet"), &json!("0 slices in hand")));
}

async fn after_all_have_ended(scene: &Scene) {
    let done = scene.api("/queues/jaspers-in/tasks?status=Done&page=1&page_size=15").await;
    assert_eq!(slices(&done), [5, 4, 3, 1, 0]);
    let (args, ctx) = (&done[0]["args"], &done[0]["ctx"]);
    assert_eq!((&args["campaign"], &args["messages"]), (&json!("diwali"), &json!(5)));
    assert_eq!(args.get("unsent"), None);
    assert_eq!(ctx["status"], "Done");
    assert!(ctx["done_at"].as_u64() >= ctx["lock_at"].as_u64() && ctx["done_at"].is_u64());
    assert!(ctx["lock_by"].as_str().unwrap().starts_with("w-1"));

    let failed = scene.api("/tasks?status=Failed&page=1&page_size=15").await;
    assert_eq!(slices(&failed), [u64::from(PANICS)]);
    assert_eq!(failed[0]["ctx"]["status"], "Failed");
    assert!(failed[0]["args"]["state"].as_str().unwrap().starts_with("its handler panicked"), "{failed}");
    let id = failed[0]["ctx"]["task_id"].as_str().unwrap();
    assert_eq!(scene.api(&format!("/queues/jaspers-in/tasks/{id}")).await, failed[0]);

    for empty in ["Pending", "Running", "Queued", "Killed"] {
        assert_eq!(scene.api(&format!("/tasks?status={empty}")).await, json!([]), "{empty}");
    }
    let expected = [
        "PENDING_JOBS 0",
        "RUNNING_JOBS 0",
        "DONE_JOBS 5",
        "FAILED_JOBS 1",
        "KILLED_JOBS 0",
        "TOTAL_JOBS 6",
        "COMPLETED_JOBS 5",
        "JOBS_PAST_HOUR 6",
        "AVG_JOBS_PER_MINUTE_PAST_HOUR 0.10",
        "SUCCESS_RATE 83.33",
        "FAILURE_RATE 16.67",
    ];
    assert_eq!(scene.statistics("/queues/jaspers-in/stats").await, expected);
    let overview = scene.statistics("/overview").await;
    assert_eq!(overview[..4], ["RUNNING_JOBS 0", "PENDING_JOBS 0", "COMPLETED_JOBS 5", "FAILED_JOBS 1"]);
    let activity = &scene.api("/queues").await[0]["activity"];
    assert_eq!(activity.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>(), 5);
    assert_eq!(activity.as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn a_slice_of_nobody_knows_whom_is_told_by_number() {
    let scene = Scene::in_redis().await;
    let slice = SliceId { campaign: CampaignId(999), number: 7 };
    scene.queue.push(vec![Job::new(slice, "quiet")]).await.unwrap();
    let tasks = scene.api("/tasks").await;
    assert_eq!(slices(&tasks), [7]);
    let args = &tasks[0]["args"];
    assert_eq!((&args["campaign"], &args["sender"]), (&json!("number 999"), &json!("quiet")));
    assert_eq!((args.get("messages"), args.get("unsent")), (None, None));
    assert_eq!(scene.api("/queues/quiet/tasks/7.~999").await, tasks[0]);
}

#[tokio::test]
async fn slices_are_told_by_number_while_the_database_is_away() {
    let server = Postgres::start();
    let store = Arc::new(PostgresStore::connect(&server.database()).await.unwrap());
    let scene = Scene::in_redis_with(Some(store)).await;
    scene.push().await;
    server.stop();
    let tasks = scene.api("/tasks").await;
    assert_eq!(slices(&tasks), [0, 1, 2, 3, 4, 5]);
    for task in tasks.as_array().unwrap() {
        assert_eq!(task["args"]["campaign"], format!("number {}", scene.campaign.id));
        assert_eq!(task["args"]["messages"], 5);
    }
    let id = tasks[0]["ctx"]["task_id"].as_str().unwrap();
    assert_eq!(scene.api(&format!("/queues/jaspers-in/tasks/{id}")).await, tasks[0]);
    server.start_again();
    let back = async {
        while scene.api("/tasks?page_size=1").await[0]["args"]["campaign"] != "diwali" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.unwrap();
}

#[tokio::test]
async fn nothing_can_be_changed() {
    let scene = Scene::in_memory().await;
    scene.push().await;
    let before = scene.api("/tasks").await;
    for path in board::paths() {
        let path =
            path.replace("{sender}", "jaspers-in").replace("{id}", "1.diwali").replace("{*path}", "start.js");
        if !path.ends_with("/events") {
            assert_eq!(scene.get(&path).await.status(), StatusCode::OK, "{path}");
        }
        for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            let answer = scene.ask(method.clone(), &path).await;
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
    assert_eq!(scene.api("/tasks").await, before);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let scene = Scene::in_memory().await;
    scene.push().await;
    for (path, status) in [
        ("/queues/nobody/tasks", StatusCode::NOT_FOUND),
        ("/queues/nobody/stats", StatusCode::NOT_FOUND),
        ("/queues/nobody/workers", StatusCode::NOT_FOUND),
        ("/queues/jaspers-in/tasks/77.diwali", StatusCode::NOT_FOUND),
        ("/queues/quiet/tasks/1.diwali", StatusCode::NOT_FOUND),
        ("/queues/jaspers-in/tasks/1.holi", StatusCode::NOT_FOUND),
        ("/queues/jaspers-in/tasks/what", StatusCode::NOT_FOUND),
        ("/queues/jaspers-in/tasks/1", StatusCode::NOT_FOUND),
        ("/queues/jaspers-in/tasks/1.~99999999999999999999", StatusCode::NOT_FOUND),
        ("/nothing", StatusCode::NOT_FOUND),
        ("/", StatusCode::NOT_FOUND),
        ("/tasks?status=done", StatusCode::BAD_REQUEST),
        ("/tasks?page=-1", StatusCode::BAD_REQUEST),
        ("/tasks?page_size=many", StatusCode::BAD_REQUEST),
    ] {
        let answer = scene.get(&format!("/board/api/v1{path}")).await;
        assert_eq!(answer.status(), status, "{path}");
    }
    assert_eq!(slices(&scene.api("/tasks?page=0&page_size=0").await), [0]);
    assert_eq!(slices(&scene.api("/tasks?page=4294967295&page_size=4294967295").await), [0; 0]);
}

#[tokio::test]
async fn a_queue_out_of_reach_is_told_in_words() {
    let scene = Scene::in_redis().await;
    scene.redis.as_ref().unwrap().stop();
    for path in ["/queues", "/overview", "/workers", "/tasks", "/queues/jaspers-in/tasks/1.diwali"] {
        let answer = scene.get(&format!("/board/api/v1{path}")).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let why: Value = answer.json().await.unwrap();
        assert!(why["message"].as_str().unwrap().starts_with("the queue could not "), "{path}: {why}");
    }
    assert_eq!(scene.get("/board").await.status(), StatusCode::OK);
}
