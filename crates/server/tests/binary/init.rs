//! `init`

use super::common::*;

#[test]
fn a_preset_writes_a_configuration_that_can_be_checked() {
    let place = Place::new();
    for (preset, strategy) in [("banking", "session"), ("saas", "session"), ("api", "hybrid")] {
        let file = format!("{preset}.toml");
        let url = ["--public-url", "https://auth.example.com"];
        let written = place.run(&["init", "--preset", preset, "--yes", "--config", &file, url[0], url[1]]);
        assert_eq!((written.code, written.stdout.trim()), (0, file.as_str()), "{written:?}");
        assert!(written.stderr.contains("by default:"), "{written:?}");
        let checked = place.run(&["config", "check", "--config", &file, "--output", "json"]).json();
        let value = |key: &str| {
            let row = checked.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap();
            row["value"].as_str().unwrap().to_owned()
        };
        assert!(value("strategies.default").contains(strategy), "{preset}");
        assert!(value("public_url").contains("https://auth.example.com"), "{preset}");
    }
}

#[test]
fn answers_are_read_from_stdin_and_what_a_flag_answers_is_not_asked() {
    let place = Place::new();
    let asked =
        place.run_with_stdin(&["init", "--regulated", "no"], "\nyes\nno\nno\nhttps://auth.example.com\n");
    assert_eq!(asked.code, 0, "{asked:?}");
    assert!(!asked.stderr.contains("strict rules"), "{asked:?}");
    let text = std::fs::read_to_string(place.file("cloakroom.toml")).unwrap();
    assert!(text.contains("default = \"hybrid\"") && text.contains("https://auth.example.com"), "{text}");
    assert_eq!(place.run(&["config", "check"]).code, 0);
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let place = Place::new();
    std::fs::write(place.file("cloakroom.toml"), "precious").unwrap();
    place.run(&["init", "--yes"]).fails(4, "--force");
    assert_eq!(std::fs::read_to_string(place.file("cloakroom.toml")).unwrap(), "precious");
    assert_eq!(place.run(&["init", "--yes", "--force"]).code, 0);
    // Without a public_url it says what is missing, and so does whoever serves it.
    place.run(&["config", "check"]).fails(4, "public_url is not set");
}

#[test]
fn what_is_no_answer_writes_nothing() {
    let place = Place::new();
    place.run_with_stdin(&["init"], "y\n").fails(2, "ended early");
    place.run(&["init", "--yes", "--public-url", "http://auth.example.com"]).fails(2, "plain http");
    place.run(&["init", "--yes", "--public-url", "https://auth.example.com/"]).fails(2, "trailing slash");
    place.run(&["init", "--preset", "casino"]).fails(2, "banking");
    assert!(!place.file("cloakroom.toml").exists());
}
