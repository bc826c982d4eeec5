use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::id::{SessionId, TenantId};
use crate::journal::Fact;

fn row() -> SealedRow {
    SealedRow::session(TenantId::new(), SessionId::new())
}

fn key() -> SecretString {
    Vault::generate_key().unwrap()
}

fn vault(keys: &[SecretString], index: &SecretString) -> Arc<Vault> {
    Arc::new(Vault::new(keys, index).unwrap())
}

#[test]
fn a_text_says_by_itself_whether_it_is_sealed() {
    let (vault, row) = (Arc::new(Vault::generate().unwrap()), row());
    let (seal, open) = (ContentSeal::Seal(Arc::clone(&vault)), ContentSeal::Open(vault));
    for text in ["", "Bra", "Å\u{2}", "\"quoted\""] {
        let sealed = seal.seal_text(row, "a", text).unwrap();
        assert_ne!(sealed, seal.seal_text(row, "a", text).unwrap());
        for reader in [&seal, &open] {
            assert_eq!(reader.open_text(row, "a", &sealed).unwrap(), text);
            assert_eq!(reader.open_text(row, "a", text).unwrap(), text, "what is not sealed is as it is");
        }
        assert_eq!(open.seal_text(row, "a", text).unwrap(), text);
        assert_eq!((seal.is_current(&sealed), open.is_current(&sealed)), (true, false));
        assert_eq!((seal.is_current(text), open.is_current(text)), (false, true));
        assert_eq!(ContentSeal::Off.open_text(row, "a", &sealed).unwrap_err().code(), Some("unknown_key"));
    }
    let forged = seal.seal_text(row, "a", "Bra").unwrap();
    let written = ContentSeal::Off.seal_text(row, "a", &forged).unwrap();
    assert!(ContentSeal::Off.open_text(row, "a", &written).is_ok(), "nobody writes what only looks sealed");
}

#[test]
fn content_opens_in_its_own_field_only() {
    let (seal, own) = (ContentSeal::Seal(Arc::new(Vault::generate().unwrap())), row());
    let sealed = seal.seal_text(own, "a", "Bra").unwrap();
    for (row, field) in [(own, "b"), (row(), "a"), (SealedRow { kind: "answer", ..own }, "a")] {
        assert!(seal.open_text(row, field, &sealed).is_err(), "{row} {field}");
    }
    let document = seal.seal_document(own, "a", &json!({ "a": 1 }), None).unwrap();
    assert!(seal.open_document(own, "b", document).is_err());
}

#[test]
fn a_document_is_counted_by_strings_that_nobody_knows() {
    let (old, new, index, row) = (key(), key(), key(), row());
    let seal = ContentSeal::Seal(vault(std::slice::from_ref(&old), &index));
    let document = json!({ "topics": ["price", "staff", 7], "summary": "Dyrt" });
    let [one, two] = [(); 2].map(|()| seal.seal_document(row, "a", &document, Some("topics")).unwrap());
    assert!(["price", "staff", "Dyrt", "summary"].iter().all(|word| !one.to_string().contains(word)), "{one}");
    assert_eq!(one["topics"], two["topics"]);
    assert_ne!(one["topics"][0], one["topics"][1]);
    let elsewhere = SealedRow::session(TenantId::new(), SessionId::new());
    let elsewhere = seal.seal_document(elsewhere, "a", &document, Some("topics")).unwrap();
    assert_ne!(one["topics"], elsewhere["topics"], "of each tenant by itself");
    let rotated = ContentSeal::Open(vault(&[new, old], &index));
    for counted in [&one["topics"][0], &json!("price")] {
        assert_eq!(rotated.open_counted(row.tenant, counted.as_str().unwrap()).as_deref(), Some("price"));
    }
    assert_eq!(rotated.open_counted(TenantId::new(), one["topics"][0].as_str().unwrap()), None);
    assert_eq!(rotated.open_document(row, "a", one.clone()).unwrap(), document);
    assert_eq!((seal.is_current_document(&one), rotated.is_current_document(&one)), (true, false));
    let plain = json!({ "sealed": "as a bottle" });
    assert_eq!(ContentSeal::Off.open_document(row, "a", plain.clone()).unwrap(), plain);
}

#[test]
fn a_sealed_fact_shows_its_kind_and_nothing_else() {
    let (old, new, index) = (key(), key(), key());
    let row = FactRow { tenant: TenantId::new(), session: SessionId::new(), seq: 7 };
    let before = ContentSeal::Seal(vault(std::slice::from_ref(&old), &index));
    let after = ContentSeal::Seal(vault(&[new.clone(), old], &index));
    let off = ContentSeal::Open(vault(&[new], &index));
    let fact = Fact::Custom { kind: "shop.note".into(), data: json!({ "b": 0.1, "a": "ansjovis" }), personal: true };
    let plain = serde_json::to_string(&fact).unwrap();
    let stored = before.seal_fact(row, &fact).unwrap();
    assert!(stored.starts_with(r#"{"fact":"custom","#) && !stored.contains("ansjovis") && !stored.contains("shop"));
    assert!(after.is_fact(row, &stored, &fact).unwrap() && !after.is_fact(row, &stored, &Fact::Connected).unwrap());
    assert_eq!(after.open_fact(row, &stored).unwrap(), fact);
    assert!(after.open_fact(FactRow { seq: 8, ..row }, &stored).is_err());

    let renewed = after.renew_fact(row, &stored).unwrap().expect("an old key sealed it");
    assert_eq!((after.renew_fact(row, &renewed).unwrap(), before.renew_fact(row, &stored).unwrap()), (None, None));
    assert_eq!(off.renew_fact(row, &renewed).unwrap(), Some(plain.clone()), "switched off");
    assert!(after.renew_fact(row, &plain).unwrap().is_some_and(|sealed| !sealed.contains("ansjovis")), "switched on");
    for fact in [Fact::Connected, Fact::Consent { given: true }, Fact::DoNotCall] {
        let plain = serde_json::to_string(&fact).unwrap();
        assert_eq!(after.seal_fact(row, &fact).unwrap(), plain);
        assert_eq!(after.renew_fact(row, &plain).unwrap(), None);
    }
}
