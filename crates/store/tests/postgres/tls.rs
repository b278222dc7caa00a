//! Who is believed to be the database.

use std::process::Command;

use super::lives::server;
use super::*;
use crate::common::skip::skip;

/// A certificate for `localhost`, and its key.
fn certificate() -> Option<(Vec<u8>, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key"), folder.path().join("certificate"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    let made = openssl.output().is_ok_and(|output| output.status.success());
    if !made {
        skip("TLS to PostgreSQL", "apt-get install openssl");
        return None;
    }
    Some((std::fs::read(certificate).unwrap(), std::fs::read(key).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_has_to_prove_its_name_as_the_url_asks() {
    let (Some(server), Some((own, key)), Some((other, _))) = (server(), certificate(), certificate()) else {
        return;
    };
    server.place("data/server.crt", &own).unwrap();
    server.place("data/server.key", &key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("own.pem"), &own).unwrap();
    std::fs::write(at("other.pem"), &other).unwrap();
    let database = Database::on(server.url()).await;
    database.migrate().await;
    let client = database.connect().await;
    client.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let on = "SELECT 1 FROM pg_settings WHERE name = 'ssl' AND setting = 'on'";
    while client.query(on, &[]).await.unwrap().is_empty() {}

    let open = async |host: &str, options: String| {
        let url = database.url_with(&options).replace("127.0.0.1", host);
        cloakroom_store::open(&url, Purpose::Command, now()).await
    };
    let encrypted = async || -> i64 {
        let count = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE ssl AND application_name = 'cloakroom'";
        client.query_one(count, &[]).await.unwrap().get(0)
    };
    let verified = |roots: &str| format!("sslmode=verify-full&sslrootcert={}", at(roots).display());
    {
        let _store = open("localhost", verified("own.pem")).await.unwrap();
        assert!(encrypted().await > 0);
    }
    assert!(open("127.0.0.1", verified("own.pem")).await.is_err(), "another name");
    assert!(open("localhost", verified("other.pem")).await.is_err(), "another certificate");
    assert!(open("localhost", verified("missing.pem")).await.is_err(), "no such file");
    assert!(open("localhost", String::from("sslmode=verify-full")).await.is_err(), "not of the system");
    {
        let _store = open("127.0.0.1", String::from("sslmode=require")).await.unwrap();
        assert!(encrypted().await > 0);
    }
    client.batch_execute("ALTER SYSTEM SET ssl = off").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let off = "SELECT 1 FROM pg_settings WHERE name = 'ssl' AND setting = 'off'";
    while client.query(off, &[]).await.unwrap().is_empty() {}
    assert!(open("127.0.0.1", String::from("sslmode=require")).await.is_err(), "it would be plain");
    open("127.0.0.1", String::from("sslmode=prefer")).await.unwrap();
}
