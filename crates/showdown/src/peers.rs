//! Programs of other people: what their `peer.json` says. `showdown/peers/README.md` explains it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use serde::Deserialize;

use crate::recipe::{self, Call, Needs, Place, Recipe, Shown, Talk};
use crate::result::Kind;

const NAME: &str = "peer.json";
/// What ids of contenders of our own begin with, and the one that is none of a family.
const RESERVED: [&str; 2] = ["cloakroom-", "classic-"];
const FLOOR: &str = "floor";

/// A file that says nonsense, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", .file.display())]
pub struct Garbage {
    file: PathBuf,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    id: String,
    name: String,
    how: String,
    #[serde(default)]
    kind: Option<String>,
    command: Vec<String>,
    build_hint: Option<String>,
    #[serde(default)]
    needs: Vec<Need>,
    signup: Option<Call>,
    login: Call,
    token: Token,
    #[serde(deserialize_with = "recipe::path")]
    me: Uri,
    logout: Option<Call>,
    logout_bound_ms: Option<u64>,
    expires_seconds: Option<u64>,
    refresh: Option<Refresh>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Need {
    Postgres,
    Redis,
    Node,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    from: String,
    header: String,
}

/// A call, and where its answer holds the next refresh token.
#[derive(Deserialize)]
struct Refresh {
    from: String,
    #[serde(flatten)]
    call: Call,
}

/// Every peer of the folders in this folder, in the order of their ids.
pub(crate) fn read(folder: &Path) -> Result<Vec<Recipe>, Garbage> {
    let mut found = Vec::new();
    for folder in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let files = entries(&folder)?;
        let is_peer =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(NAME));
        for file in files.into_iter().filter(is_peer) {
            let garbage = |why: String| Garbage { file: file.clone(), why };
            let text = std::fs::read_to_string(&file).map_err(|error| garbage(error.to_string()))?;
            let recipe = parse(&text, &folder).map_err(garbage)?;
            if found.iter().any(|other: &Recipe| other.id == recipe.id) {
                return Err(garbage(format!("another peer is called {:?} too", recipe.id)));
            }
            found.push(recipe);
        }
    }
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Garbage> {
    let failed = |error: std::io::Error| Garbage { file: folder.to_owned(), why: error.to_string() };
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).map_err(failed)?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    Ok(entries)
}

fn parse(text: &str, folder: &Path) -> Result<Recipe, String> {
    let peer: Peer = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let in_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if peer.id.is_empty() || peer.id.len() > 64 || !peer.id.bytes().all(in_id) {
        return Err(format!("id {:?}: expected lower-case letters, digits and -", peer.id));
    }
    if RESERVED.iter().any(|family| peer.id.starts_with(family)) || peer.id == FLOOR {
        return Err(format!(
            "id {:?} is reserved: {FLOOR}, {}* and {}* are contenders of our own",
            peer.id, RESERVED[0], RESERVED[1]
        ));
    }
    if peer.kind.as_deref().is_some_and(|kind| kind != "peer") {
        return Err(String::from("kind: only \"peer\" is accepted here"));
    }
    let program = peer.command.first().filter(|program| !program.is_empty()).ok_or("command: it is empty")?;
    // A path is looked for in its folder, a name in PATH.
    let program = match program.contains('/') {
        true => folder.join(program).to_string_lossy().into_owned(),
        false => program.clone(),
    };
    let refresh = match peer.refresh {
        Some(refresh) => {
            Some((refresh.call, Place::parse(&refresh.from).map_err(in_member("refresh.from"))?))
        }
        None => None,
    };
    let needs = |need: fn(Need) -> bool| peer.needs.iter().copied().any(need);
    Ok(Recipe {
        kind: Kind::Peer,
        command: std::iter::once(program).chain(peer.command.iter().skip(1).cloned()).collect(),
        hint: peer.build_hint,
        folder: Some(folder.to_owned()),
        environment: Vec::new(),
        needs: Needs {
            postgres: needs(|need| matches!(need, Need::Postgres)),
            redis: needs(|need| matches!(need, Need::Redis)),
            node: needs(|need| matches!(need, Need::Node)),
        },
        talk: Talk {
            signup: peer.signup,
            login: Some((peer.login, Place::parse(&peer.token.from).map_err(in_member("token.from"))?)),
            header: Some(Shown::parse(&peer.token.header).map_err(in_member("token.header"))?),
            me: peer.me,
            logout: peer.logout,
            logout_bound: peer.logout_bound_ms.map(Duration::from_millis),
            expires: peer.expires_seconds.map(Duration::from_secs),
            refresh,
        },
        logins: true,
        second: false,
        id: peer.id,
        name: peer.name,
        how: peer.how,
    })
}

fn in_member(member: &'static str) -> impl Fn(String) -> String {
    move |why| format!("{member}: {why}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::contenders;
    use crate::plan::{Plan, Store};

    fn good() -> Value {
        json!({
            "id": "some-peer", "name": "Some peer", "how": "It asks.", "command": ["./peer", "memory"],
            "needs": ["postgres", "node"],
            "login": {"method": "POST", "path": "/login", "body": {"email": "{email}"}},
            "token": {"from": "set-cookie:id", "header": "cookie: id={token}"}, "me": "/me",
            "refresh": {"method": "POST", "path": "/refresh", "body": {}, "from": "json:refresh"},
        })
    }

    #[test]
    fn a_peer_is_read_with_its_program_in_its_folder() {
        let recipe = parse(&good().to_string(), Path::new("/peers/some")).unwrap();
        assert_eq!(recipe.command, ["/peers/some/./peer", "memory"]);
        assert_eq!(recipe.needs, Needs { postgres: true, redis: false, node: true });
        assert!(recipe.talk.refresh.is_some() && recipe.talk.logout.is_none());
        let mut by_name = good();
        by_name["command"] = json!(["node", "server.js"]);
        assert_eq!(parse(&by_name.to_string(), Path::new("/p")).unwrap().command, ["node", "server.js"]);
    }

    #[test]
    fn garbage_is_refused_with_a_word_about_what_is_wrong() {
        for (member, value, why) in [
            ("id", json!("Upper Case"), "lower-case"),
            ("id", json!("floor"), "\"floor\" is reserved"),
            (
                "id",
                json!("cloakroom-mine"),
                "\"cloakroom-mine\" is reserved: floor, cloakroom-* and classic-*",
            ),
            ("id", json!("classic-session"), "\"classic-session\" is reserved"),
            ("command", json!([]), "command: it is empty"),
            ("command", json!("node server.js"), "invalid type"),
            ("needs", json!(["mysql"]), "mysql"),
            ("kind", json!("floor"), "only \"peer\""),
            ("me", json!("http://192.0.2.1/me"), "is no path"),
            ("login", json!({"method": "POST"}), "missing field `path`"),
            ("token", json!({"from": "json:", "header": "cookie: {token}"}), "token.from: "),
            ("token", json!({"from": "json:t", "header": "cookie: t"}), "token.header: "),
            ("refresh", json!({"method": "POST", "path": "/r", "from": "no"}), "refresh.from: "),
            ("logut", json!({"method": "POST", "path": "/logout"}), "unknown field `logut`"),
        ] {
            let mut garbage = good();
            garbage[member] = value;
            let told = parse(&garbage.to_string(), Path::new("/p")).unwrap_err();
            assert!(told.contains(why), "{member}: {told}");
        }
    }

    #[test]
    fn no_contender_of_our_own_has_an_id_that_a_peer_may_have() {
        let stores = vec![Store::Sqlite, Store::Postgres, Store::Redis];
        let plan = Plan { stores, ..Plan::for_tests() };
        let floor = contenders::floor(&plan, "");
        for ours in contenders::all(&plan).unwrap().iter().chain([&floor]) {
            let mut peer = good();
            peer["id"] = json!(ours.id);
            let told = parse(&peer.to_string(), Path::new("/p")).unwrap_err();
            assert!(told.contains("is reserved"), "{told}");
        }
        let mut near = good();
        near["id"] = json!("floor-tile");
        assert!(parse(&near.to_string(), Path::new("/p")).is_ok());
    }

    #[test]
    fn a_folder_is_read_and_two_of_a_name_are_refused() {
        let place = tempfile::tempdir().unwrap();
        for (folder, file) in [("a", "peer.json"), ("a", "notes.txt"), ("b", "fast.peer.json")] {
            let folder = place.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            let mut peer = good();
            peer["id"] = json!(folder.file_name().unwrap().to_string_lossy());
            std::fs::write(
                folder.join(file),
                if file == "notes.txt" { String::new() } else { peer.to_string() },
            )
            .unwrap();
        }
        let ids: Vec<_> = read(place.path()).unwrap().into_iter().map(|recipe| recipe.id).collect();
        assert_eq!(ids, ["a", "b"]);
        std::fs::copy(place.path().join("a/peer.json"), place.path().join("b/peer.json")).unwrap();
        let told = read(place.path()).unwrap_err().to_string();
        assert!(told.contains("peer.json") && told.contains("another peer is called \"a\""), "{told}");
        assert!(read(&place.path().join("nowhere")).is_err());
    }
}
