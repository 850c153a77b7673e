//! Where SARIF says that a finding is: on the line that begins the profile in the config.

use serde_json::Value;

use crate::common::Env;

#[test]
fn a_finding_stands_on_the_line_of_its_profile() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_scanctl"));
    let folder = program.parent().unwrap().to_str().unwrap();
    let mut env = Env::new();
    env.set("PATH", &format!("{folder}:/usr/bin:/bin"));
    let script = "mkdir conf && install -m 600 \"$SCANCTL_CONFIG\" 'conf/scan ctl.toml' && scanctl results \
                  io/219 jsa/2 --config 'conf/scan ctl.toml' -o inside.sarif && mkdir away && cd away && scanctl results jsa/2 -o ../outside.sarif";
    env.run(&["sandbox", "--speed", "100000", "--", "sh", "-c", script]).expect_code(0);
    let config = env.read("conf/scan ctl.toml").unwrap();
    let line = |profile: &str| config.lines().position(|line| line == format!("[profiles.{profile}]")).unwrap() + 1;
    assert_ne!(line("io"), line("jsa"));
    let places = |file: &str| -> Vec<(String, Vec<(String, u64)>)> {
        let document: Value = serde_json::from_str(&env.read(file).unwrap()).unwrap();
        let runs = document["runs"].as_array().unwrap().iter().map(|run| {
            let mut places: Vec<(String, u64)> = run["results"]
                .as_array()
                .unwrap()
                .iter()
                .map(|result| {
                    let place = &result["locations"][0]["physicalLocation"];
                    let uri = place["artifactLocation"]["uri"].as_str().unwrap().to_owned();
                    (uri, place["region"]["startLine"].as_u64().unwrap())
                })
                .collect();
            places.dedup();
            (run["automationDetails"]["id"].as_str().unwrap().split('/').nth(1).unwrap().to_owned(), places)
        });
        runs.collect()
    };
    let mut inside = places("inside.sarif");
    inside.sort();
    let expected = ["io", "jsa"]
        .map(|profile| (profile.to_owned(), vec![("conf/scan%20ctl.toml".to_owned(), line(profile) as u64)]));
    assert_eq!(inside, expected);
    // What is not below the working directory is named by its file alone.
    let (_, outside) = places("outside.sarif").remove(0);
    assert!(outside.len() == 1 && !outside[0].0.contains('/') && outside[0].1 > 0, "{outside:?}");
}
