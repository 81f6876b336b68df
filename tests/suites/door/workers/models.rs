//! Workers that don't have the same models.

use super::post;
use gateway_tests::{
    fake_child::{Script, catalog::raw_models},
    pair::{Builder, KEY, Workers},
};
use serde_json::{Value, json};

/// A model that only the second one has.
const ITS_OWN: &str = "gpt-fake-own";

#[tokio::test]
async fn a_model_that_one_has_is_served_by_that_one() {
    let builder = |number| {
        let mut models = raw_models();
        if number == 1 {
            let mut own = models[0].clone();
            own["slug"] = ITS_OWN.into();
            models.push(own);
        }
        Builder::fake(&Script { models: Some(models), ..Script::default() }).expect("a home")
    };
    let workers = Workers::start(2, builder).await.expect("ready workers");
    let url = workers.pair.url("/v1/models");
    let list: Value = workers
        .pair
        .client()
        .get(url)
        .bearer_auth(KEY)
        .send()
        .await
        .expect("a list")
        .json()
        .await
        .expect("JSON");
    let names: Vec<&str> =
        list["data"].as_array().expect("a list").iter().filter_map(|m| m["id"].as_str()).collect();
    assert_eq!(names.iter().filter(|name| **name == ITS_OWN).count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "gpt-fake-1").count(), 1, "{names:?}");
    for n in 0..10 {
        let messages = [json!({ "role": "user", "content": format!("{n}") })];
        let (status, body) = post(&workers, &json!({ "model": ITS_OWN, "messages": messages })).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(workers.completed().await, [0, 10]);
}
