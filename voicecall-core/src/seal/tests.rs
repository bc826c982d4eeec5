use super::*;
use crate::id::SessionId;

fn number() -> Address {
    "+46701234567".parse().unwrap()
}

fn row() -> SealedRow {
    SealedRow::session(TenantId::new(), SessionId::new())
}

fn generate() -> SecretString {
    Vault::generate_key().unwrap()
}

/// As the vault sealed before rows were bound, with a byte of the key's id in front.
fn sealed_before(secret: &SecretString, tenant: TenantId, first_byte: u8) -> Sealed {
    let sealed = Key::new(&decode("key", secret).unwrap()).seal(&format!("{tenant}/phone"), b"+46701234567").unwrap();
    Sealed::from_bytes([&[first_byte], &sealed.as_bytes()[9..]].concat())
}

#[test]
fn another_rows_or_tenants_address_does_not_open() {
    let (vault, own) = (Vault::generate().unwrap(), row());
    let sealed = vault.seal_address(own, &number()).unwrap();
    let verification = SealedRow { kind: "verification", ..own };
    for other in [row(), SealedRow::session(own.tenant, SessionId::new()), verification] {
        assert_eq!(vault.open_address(other, &sealed).unwrap_err().kind(), ErrorKind::Internal, "{other}");
    }
}

#[test]
fn a_code_is_of_one_message_for_one_purpose_and_outlives_a_rotation() {
    let (old, new, index) = (generate(), generate(), generate());
    let before = Vault::new(std::slice::from_ref(&old), &index).unwrap();
    let code = before.authenticate("ticket", b"call 1");
    let after = Vault::new(&[new, old], &index).unwrap();
    assert!(before.is_authentic("ticket", b"call 1", &code) && after.is_authentic("ticket", b"call 1", &code));
    assert_ne!(after.authenticate("ticket", b"call 1"), code);
    for (context, message) in [("ticket", "call 2"), ("ticketc", "all 1"), ("", "ticketcall 1")] {
        assert!(!before.is_authentic(context, message.as_bytes(), &code), "{context} {message}");
    }
    assert!(!Vault::generate().unwrap().is_authentic("ticket", b"call 1", &code));
    assert!(!before.is_authentic("ticket", b"call 1", &code[..31]) && !before.is_authentic("ticket", b"call 1", &[]));
}

#[test]
fn every_changed_byte_is_refused() {
    let vault = Vault::generate().unwrap();
    let sealed = vault.seal("row 1", b"secret").unwrap();
    for at in 0..sealed.as_bytes().len() {
        let mut changed = sealed.as_bytes().to_vec();
        changed[at] ^= 1;
        assert!(vault.open("row 1", &Sealed::from_bytes(changed)).is_err(), "byte {at}");
    }
}

#[test]
fn rotation_opens_old_rows_and_keeps_the_lookup() {
    let (old, new, index) = (generate(), generate(), generate());
    let row = row();
    let before = Vault::new(std::slice::from_ref(&old), &index).unwrap();
    let sealed = before.seal_address(row, &number()).unwrap();
    let after = Vault::new(&[new.clone(), old], &index).unwrap();
    assert_eq!(after.open_address(row, &sealed).unwrap(), number());
    assert_eq!(after.lookup(row.tenant, &number()), sealed.lookup);

    let anew = after.reseal_address(row, &sealed).unwrap().expect("another key sealed it");
    let anew = SealedAddress { sealed: anew, ..sealed.clone() };
    assert_eq!(after.reseal_address(row, &anew).unwrap(), None, "once is enough");
    let alone = Vault::new(&[new], &index).unwrap();
    assert_eq!(alone.open_address(row, &anew).unwrap(), number());
    assert_eq!(alone.lookup(row.tenant, &number()), sealed.lookup, "people are found by the same hash");
    let error = alone.open_address(row, &sealed).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, Some("unknown_key")));
}

#[test]
fn what_was_sealed_before_opens_whatever_its_first_byte_and_is_bound_when_it_is_sealed_anew() {
    let (old, new, index, row) = (generate(), generate(), generate(), row());
    let vault = Vault::new(&[new, old.clone()], &index).unwrap();
    for first_byte in 0..=u8::MAX {
        let sealed = sealed_before(&old, row.tenant, first_byte);
        let address = SealedAddress { sealed, lookup: vault.lookup(row.tenant, &number()) };
        assert_eq!(vault.open_address(row, &address).unwrap(), number(), "byte {first_byte}");
        let anew = vault.reseal_address(row, &address).unwrap().expect("it is not bound");
        let other = SealedRow::session(row.tenant, SessionId::new());
        assert!(vault.open_address(other, &SealedAddress { sealed: anew, ..address }).is_err());
    }
}

#[test]
fn a_vault_knows_its_keys_by_their_canaries_and_names_the_one_it_lacks() {
    let (old, new, index) = (generate(), generate(), generate());
    let before = Vault::new(std::slice::from_ref(&old), &index).unwrap();
    let after = Vault::new(&[new.clone(), old], &index).unwrap();
    for canary in before.canaries().iter().chain(&after.canaries()) {
        after.recognise(canary).unwrap();
    }
    let alone = Vault::new(&[new], &index).unwrap();
    let [index_canary, data_canary] = before.canaries();
    alone.recognise(&index_canary).unwrap();
    let error = alone.recognise(&data_canary).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("data keys")));
    assert!(error.to_string().contains(&data_canary.key), "{error}");
    assert_eq!(Vault::generate().unwrap().recognise(&index_canary).unwrap_err().field(), Some("index key"));
    let forged = Canary { code: [0; 32], ..data_canary };
    assert!(before.recognise(&forged).is_err(), "a name is no proof");
}

#[test]
fn the_same_number_is_not_recognisable_across_tenants_or_rows() {
    let vault = Vault::generate().unwrap();
    let (one, two) = (row(), row());
    assert_ne!(vault.lookup(one.tenant, &number()), vault.lookup(two.tenant, &number()));
    assert_ne!(vault.seal_address(one, &number()).unwrap().sealed, vault.seal_address(one, &number()).unwrap().sealed);
}

#[test]
fn a_wrong_key_names_its_setting() {
    let good = generate();
    assert_eq!(Vault::new(&["short".to_owned().into()], &good).unwrap_err().field(), Some("data keys"));
    assert_eq!(Vault::new(&[], &good).unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(Vault::new(&[good], &"short".to_owned().into()).unwrap_err().field(), Some("index key"));
}
