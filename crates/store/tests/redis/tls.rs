//! Who is believed to be the Redis: by TLS nobody but who proves the name of the URL, and never in the clear instead.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::*;

/// A Redis that speaks TLS on one port, for `localhost`, and in the clear on another; `None`, said loudly, where its
/// programs are not there or it was built without.
async fn world(folder: &Path) -> Option<(World, u16)> {
    for name in ["own", "other"] {
        if !certify(folder, name) {
            skip("TLS to Redis", "apt-get install openssl");
            return None;
        }
    }
    // It does not run as root, even where the tests do.
    for file in [folder.to_owned(), folder.join("own.key")] {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let port = port::free().unwrap().to_string();
    let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (certificate, key) = (at("own.pem"), at("own.key"));
    let settings = ["--tls-port", &port, "--tls-auth-clients", "no"];
    let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &certificate];
    let redis = try_server(&[settings.as_slice(), &files].concat())?;
    let Ok(redis) = redis else {
        skip("TLS to Redis", "a redis-server that was built with TLS");
        return None;
    };
    let world = World { redis, file: File::new() };
    world.file.migrate().await;
    Some((world, port.parse().unwrap()))
}

/// Makes `NAME.pem`, a certificate for `localhost`, and `NAME.key`.
fn certify(folder: &Path, name: &str) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-days", "2", "-addext", "subjectAltName=DNS:localhost"]);
    // Of another name, or one would seem to have issued the other.
    openssl.args(["-subj", &format!("/CN={name}")]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(folder.join(format!("{name}.key")));
    openssl.arg("-out").arg(folder.join(format!("{name}.pem")));
    openssl.output().is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_has_to_prove_its_name_and_is_never_spoken_to_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let Some((world, port)) = world(folder.path()).await else { return };
    std::fs::write(folder.path().join("empty.pem"), "nothing").unwrap();
    let plain = world.redis.url();
    let userinfo = plain.split(['/', '@']).nth(2).unwrap();
    let url = |host: &str, roots: &str| {
        format!("rediss://{userinfo}@{host}:{port}?sslrootcert={}", folder.path().join(roots).display())
    };
    let store = world.open_at(&url("localhost", "own.pem"), Purpose::Serve).await.unwrap();
    let alice = add(&store, 1, "alice@example.com").await;
    let id = login(&store, 1, alice, RowStrategy::Hybrid).await;
    rotate(&store, id, 0).await;
    assert!(lives(&store, id).await);
    drop(store);

    world.tell::<()>(&["CONFIG", "RESETSTAT"]);
    for (url, why) in [
        (url("127.0.0.1", "own.pem"), "not valid for name"),
        (url("localhost", "other.pem"), "UnknownIssuer"),
        (format!("rediss://{userinfo}@localhost:{port}"), "UnknownIssuer"),
        (url("localhost", "missing.pem"), "missing.pem"),
        (url("localhost", "empty.pem"), "no certificate in it"),
    ] {
        let error = world.open_at(&url, Purpose::Serve).await.err().unwrap().to_string();
        assert!(error.contains("store.sessions: ") && error.contains(why), "{error}");
        assert!(!error.contains(userinfo), "{error}");
        // A command goes on without a Redis, not with one that nobody knows.
        if let Ok(command) = world.open_at(&url, Purpose::Command).await {
            assert!(command.find(id).await.is_err(), "{url}");
        }
    }
    let asked = world.tell::<String>(&["INFO", "commandstats"]);
    assert!(asked.contains("cmdstat_auth:calls=1,"), "nobody but this question gave the password: {asked}");
    assert!(!asked.contains("cmdstat_eval"), "{asked}");
}
