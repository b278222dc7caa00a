use proptest::prelude::*;
use secrecy::SecretString;

use super::*;
use crate::password::{Hasher, Memory, Password};

const PASSWORD: &str = "correct horse battery staple";

/// Made with argon2-cffi 25.1.0, bcrypt 4.0.1, passlib 1.7.4 and Django 5.2.19 from PyPI, and `hashlib` of Python, of
/// [`PASSWORD`] (`pw`) with the salt `0123456789abcdef`:
///
/// ```python
/// argon2.low_level.hash_secret(pw, salt, time_cost=3, memory_cost=256, parallelism=2, hash_len=32, type=t, version=v)
/// bcrypt.hashpw(pw, b"$2b$05$abcdefghijklmnopqrstuu")          # and $2a$
/// passlib.hash.scrypt.using(salt=salt, rounds=10, block_size=8, parallelism=2).hash(pw)
/// passlib.hash.pbkdf2_sha256.using(salt=b"\xfb\xff" + salt, rounds=1000).hash(pw)
/// passlib.hash.pbkdf2_sha512.using(salt=salt, rounds=1000).hash(pw)
/// base64.b64encode(hashlib.pbkdf2_hmac("sha256", pw, salt, 1000, 32))
/// django.contrib.auth.hashers.PBKDF2PasswordHasher().encode(pw, "seasalt2", 1000)
/// ```
const VECTORS: &[&str] = &[
    "$argon2i$v=19$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$UA/MuYlZVe2KTjnHGRnBjkYhthn3tQSD1jtLSgeaer4",
    "$argon2d$v=19$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$Ld0dEld426/7p3qC+Ct4IH4/5lC68u0uPPPr5TAzUC0",
    "$argon2id$v=19$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$MI6ryYRwMCcF1mm/CkxPIp74xyGLtt30+tj0SMxQ5b4",
    "$argon2i$v=16$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$cGNuskg3TfeHDW0EZtxEOUwvSJB5YfmRtwdcJYH8lIY",
    "$argon2i$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$cGNuskg3TfeHDW0EZtxEOUwvSJB5YfmRtwdcJYH8lIY",
    "$argon2id$v=16$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$UmSPPX1d+AVTBCuCyXVfIaNeaWSfdNWsyzsPlpfhOiU",
    "$2a$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
    "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
    "$2y$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
    // The salt with bits set behind its end, as old programs write it.
    "$2b$05$abcdefghijklmnopqrstuvFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
    "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$KhW5KLACpfR1HRqSPdg8ODHC9nzhpv0EHEqfwm5GJX4",
    "$pbkdf2-sha256$1000$./8wMTIzNDU2Nzg5YWJjZGVm$j.sE6w39irrtwXs5bGWLeBvSsZRvGllCt/mwKfNzyTM",
    "$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$5bTW2oeyDJyGJPcmEr.mRDE11ghpozWrDGnSNhRXo2ZCu0KHRDiUMAVEGzLJC.oDhRoeIja9J1iLIv9ptDJMfQ",
    "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
    "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
    "pbkdf2_sha256$1000$seasalt2$vVHZGEs7v6quz+ZQJ3YUviKmZHPrpr5OATMMKlICjVY=",
];
/// `hmac.new(b"a1b2c3d4e5f6", pw, hashlib.sha256).hexdigest()`
const HMAC: (&str, &str) =
    ("a1b2c3d4e5f6", "92fa225d03773974cc7de16849afecfc0b55d1ed6b194b7169d3f0771351c532");
/// The same of `"pa\u0308sswort"`.
const HMAC_OF_NFD: &str = "db1a3c51e62a9cec434b7624a4e64ad8dd10c36a5da42b4053d5eb44042a8ccc";
/// `bcrypt.hashpw(b"x" * 72, b"$2b$05$abcdefghijklmnopqrstuu")`
const OF_72: &str = "$2b$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q";

fn hasher() -> Hasher {
    Hasher::new(Params { memory_kib: 64, iterations: 1, parallelism: 1 }).unwrap()
}

fn is(stored: &PhcString, password: &str) -> bool {
    let password = Password::parse(&SecretString::from(password)).unwrap();
    hasher().verify(&password, Some(stored), &mut Memory::default()).unwrap()
}

fn refused(text: &str) -> ForeignRefused {
    PhcString::import(text).expect_err(text)
}

#[test]
fn each_scheme_proves_exactly_its_password() {
    let hmac = PhcString::import_hmac(HMAC.0, HMAC.1).unwrap();
    assert_eq!(hmac, PhcString::import_hmac(HMAC.0, &HMAC.1.to_uppercase()).unwrap());
    let imported = VECTORS.iter().map(|text| PhcString::import(text).expect(text)).chain([hmac]);
    for stored in imported {
        assert!(is(&stored, PASSWORD), "{}", stored.as_str());
        for wrong in [
            "",
            "correct horse battery stapl",
            "correct horse battery staple ",
            "Correct horse battery staple",
        ] {
            assert!(!is(&stored, wrong), "{}: {wrong:?}", stored.as_str());
        }
    }
}

/// RFC 7914 section 12, the second and third: `ln` 10 with 16 lanes, and 14.
#[test]
fn scrypt_is_that_of_the_rfc() {
    for (text, password) in [
        (
            "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA",
            "password",
        ),
        (
            "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
            "pleaseletmein",
        ),
    ] {
        let stored = PhcString::import(text).unwrap();
        assert!(is(&stored, password) && !is(&stored, "pleaseletmeout"));
    }
}

#[test]
fn a_password_that_bcrypt_would_cut_is_never_right() {
    let stored = PhcString::import(OF_72).unwrap();
    assert!(is(&stored, &"x".repeat(72)));
    assert!(!is(&stored, &"x".repeat(73)), "its first 72 bytes are the password");
    assert!(!is(&stored, &"x".repeat(71)));
    let stored = PhcString::import(VECTORS[7]).unwrap();
    assert!(!is(&stored, &format!("{PASSWORD}\0")), "a zero ends a string of C");
    assert!(!is(&stored, &format!("{PASSWORD}\0{PASSWORD}")));
}

#[test]
fn what_was_hashed_as_it_was_typed_is_right_in_that_spelling() {
    let of_nfd = PhcString::import_hmac(HMAC.0, HMAC_OF_NFD).unwrap();
    assert!(is(&of_nfd, "pa\u{308}sswort"));
    // bcrypt.hashpw("pässwörd é".encode(), b"$2b$05$abcdefghijklmnopqrstuu")
    let of_nfc = PhcString::import("$2b$05$abcdefghijklmnopqrstuu.Pb.ABoeiL6OxvYxVIzQCQuPWrb08AO").unwrap();
    assert!(is(&of_nfc, "p\u{e4}ssw\u{f6}rd \u{e9}"));
    assert!(is(&of_nfc, "pa\u{308}sswo\u{308}rd e\u{301}"), "typed on a machine that decomposes");
}

#[test]
fn what_would_cost_too_much_is_refused_before_it_is_stored() {
    let (salt, hash) = ("MDEyMzQ1Njc4OWFiY2RlZg", "yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI");
    for head in [
        "$argon2id$v=19$m=262145,t=1,p=1",
        "$argon2id$v=19$m=65536,t=17,p=1",
        "$argon2i$v=19$m=4294967295,t=4294967295,p=4294967295",
        "$argon2d$m=1024,t=1,p=17",
        "$scrypt$ln=18,r=9,p=1",
        "$scrypt$ln=17,r=8,p=5",
        "$scrypt$ln=1,r=1,p=17",
        "$scrypt$ln=63,r=4294967295,p=4294967295",
        "$scrypt$ln=64,r=1,p=1",
        "$pbkdf2-sha256$4000001",
        "$pbkdf2-sha512$i=4294967295,l=32",
        "$pbkdf2-sha512$2000001",
        "pbkdf2_sha256$4000001",
    ] {
        let text = format!("{head}${salt}${hash}");
        assert!(matches!(refused(&text), ForeignRefused::TooCostly(_)), "{text}: {}", refused(&text));
    }
    let bcrypt = OF_72.replace("$05$", "$15$");
    assert!(matches!(refused(&bcrypt), ForeignRefused::TooCostly(_)));
    for at_the_edge in ["$argon2id$v=19$m=262144,t=4,p=1", "$scrypt$ln=18,r=8,p=1", "pbkdf2_sha256$4000000"] {
        assert!(PhcString::import(&format!("{at_the_edge}${salt}${hash}")).is_ok(), "{at_the_edge}");
    }
    assert!(PhcString::import(&OF_72.replace("$05$", "$14$")).is_ok());
}

#[test]
fn what_is_not_exactly_a_hash_is_refused_and_not_repeated() {
    for text in [
        "",
        "hunter2hunter2",
        "$1$hunter2h$hunter2hunter2",
        "$2x$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q",
        "$2b$5$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q",
        "$2b$+5$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q",
        "$2b$03$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q",
        "$2b$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576",
        "$2b$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR57\u{1F98A}",
        "$2b$05$abcdefghijklmnopqrst\u{e9}ujf8SX2ahXLwp9w/B.Y5XdysS6yR576q",
        "$argon2id$v=19$m=256,t=3$MDEyMzQ1Njc4OWFiY2RlZg$MI6ryYRwMCcF1mm/CkxPIp74xyGLtt30+tj0SMxQ5b4",
        "$argon2id$v=19$m=256,t=3,p=0$MDEyMzQ1Njc4OWFiY2RlZg$MI6ryYRwMCcF1mm/CkxPIp74xyGLtt30+tj0SMxQ5b4",
        "$argon2id$v=19$m=1,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MI6ryYRwMCcF1mm/CkxPIp74xyGLtt30+tj0SMxQ5b4",
        "$argon2id$v=19$m=256,t=3,p=2,data=AAAA$MDEyMzQ1Njc4OWFiY2RlZg$MI6ryYRwMCcF1mm/CkxPIp74xyGLtt30+tj0SMxQ5b4",
        "$argon2id$v=19$m=256,t=3,p=2$c2FsdA$MI6ryYRwMCcF1mm/CkxPIp74xyGLtt30+tj0SMxQ5b4",
        "$argon2id$v=19$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$MI6ryYRw",
        "$argon2id$v=19$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$MI6ryYRwMCcF1mm/CkxPIp74xyGLtt30+tj0SMxQ5b4=",
        "$scrypt$ln=0,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$KhW5KLACpfR1HRqSPdg8ODHC9nzhpv0EHEqfwm5GJX4",
        "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$",
        "$pbkdf2-sha256$i=1000,l=31$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
        "$pbkdf2-sha256$0$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
        "$pbkdf2-sha1$1000$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
        "pbkdf2_sha256$1000$$vVHZGEs7v6quz+ZQJ3YUviKmZHPrpr5OATMMKlICjVY=",
        "pbkdf2_sha256$1000$seasalt2$vVHZGEs7v6quz+ZQJ3YUviKmZHPrpr5OATMMKlICjVY=$x",
        "$hmac-sha256$$Mtwvbg",
    ] {
        let told = refused(text).to_string();
        assert!(!told.contains("hunter2") && !told.contains("MDEy"), "{told}");
    }
    let (salt, hex) = HMAC;
    assert_eq!(refused(&format!("{salt}:{hex}")), ForeignRefused::Ambiguous);
    for (salt, hex) in [("", hex), (salt, &hex[1..]), (salt, &hex.replace('9', "g")), (&"s".repeat(129), hex)]
    {
        assert_eq!(PhcString::import_hmac(salt, hex), Err(ForeignRefused::Malformed("hmac_sha256")));
    }
}

#[test]
fn the_unusable_password_of_django_is_none() {
    assert_eq!(
        PhcString::import("!9QSCz6ynpqHFlIHRPqGGd1cXxc5VJV1VKCyhDSta").unwrap(),
        PhcString::no_password()
    );
}

#[test]
fn a_hash_of_another_system_is_replaced_by_one_of_ours() {
    let hasher = hasher();
    let password = Password::parse(&SecretString::from(PASSWORD)).unwrap();
    for text in VECTORS.iter().filter(|text| !text.starts_with("$argon2id$v=19$")) {
        let stored = PhcString::import(text).unwrap();
        assert!(hasher.needs_rehash(&stored), "{text}");
        let ours = hasher.raised(&stored).hash(&password, [1; 16], &mut Memory::default()).unwrap();
        assert!(ours.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$") && !hasher.needs_rehash(&ours));
    }
}

#[test]
fn what_is_easier_to_guess_than_ours_is_called_weaker() {
    let ours = Params::default();
    for weaker in
        ["$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI", OF_72]
    {
        assert!(PhcString::import(weaker).unwrap().is_weaker_than(ours), "{weaker}");
    }
    assert!(PhcString::import_hmac(HMAC.0, HMAC.1).unwrap().is_weaker_than(ours));
    let owasp = ["$2b$10$", "$2b$12$"].map(|head| OF_72.replace("$2b$05$", head));
    for strong in owasp.iter().map(String::as_str).chain([
        "pbkdf2_sha256$600000$seasalt2$vVHZGEs7v6quz+ZQJ3YUviKmZHPrpr5OATMMKlICjVY=",
        "$scrypt$ln=17,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$KhW5KLACpfR1HRqSPdg8ODHC9nzhpv0EHEqfwm5GJX4",
        "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MI6ryYRwMCcF1mm/CkxPIp74xyGLtt30+tj0SMxQ5b4",
    ]) {
        assert!(!PhcString::import(strong).unwrap().is_weaker_than(ours), "{strong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn garbage_never_panics(text in ".*", salt in ".*", hex in ".*") {
        let _ = PhcString::import(&text);
        let _ = PhcString::import_hmac(&salt, &hex);
        let _ = hasher().needs_rehash(&PhcString::from_store(text));
    }

    /// Known hashes with a part of them replaced: what is imported can be tried at a login.
    #[test]
    fn damaged_hashes_are_refused_or_can_be_tried(
        at in 0..VECTORS.len(),
        cut in 0_usize..100,
        width in 0_usize..8,
        patch in "[0-9$=,.a-z\u{e9}]{0,8}",
    ) {
        let whole: Vec<char> = VECTORS[at].chars().collect();
        let (from, to) = (cut.min(whole.len()), (cut + width).min(whole.len()));
        let damaged: String = whole[..from].iter().copied().chain(patch.chars()).chain(whole[to..].iter().copied()).collect();
        let cheap = Foreign::parse(&damaged).is_ok_and(|foreign| foreign.cost().micros < 20_000);
        if let Ok(stored) = PhcString::import(&damaged) && cheap {
            let password = Password::parse(&SecretString::from(PASSWORD)).unwrap();
            prop_assert!(hasher().verify(&password, Some(&stored), &mut Memory::default()).is_ok(), "{}", damaged);
        }
    }
}
