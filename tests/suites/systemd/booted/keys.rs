//! Keys as the documents have them: a credential of the unit, and a file that only root writes.

use crate::gateway::{FRONT, WORKER, asked_with, becomes, installed, replaced, serves};
use gateway_tests::pair::KEY;

const FILE: &str = "/etc/codex/keys.toml";

#[tokio::test]
async fn keys_come_as_a_credential_and_as_a_file_of_roots() {
    let machine = installed().await;
    machine.write("/etc/codex/codex-front.env", &format!("PROXY_API_KEYS_FILE={FILE}\n"));
    machine.write("/etc/codex/api-key", &format!("{KEY}\n"));
    machine.ok(&["chmod", "0600", "/etc/codex/api-key"]).await;
    let unit = "/etc/systemd/system/codex-front.service.d/keys.conf";
    let credential = "[Service]\nLoadCredential=PROXY_API_KEY:/etc/codex/api-key\n";
    machine.write(unit, credential);
    machine.ok(&["install", "-m", "0640", "-o", "root", "-g", "codex-front", "/dev/null", FILE]).await;
    let made = machine.ok(&["codexctl", "key", "add", "me", "--file", FILE]).await;
    let key = made.lines().next().expect("a key").to_owned();
    assert_eq!(machine.ok(&["stat", "--format=%a %U:%G", FILE]).await, "640 root:codex-front\n");
    machine.systemctl(&["daemon-reload"]).await;
    machine.systemctl(&["start", "upstream", WORKER, FRONT]).await;
    // With the credential.
    serves(&machine).await;
    assert_eq!(asked_with(&machine, &key).await, Some(200));
    // Another process of the unit has the same credentials.
    replaced(&machine, FRONT).await;
    serves(&machine).await;
    // Its user can't make a key of its own.
    let write = ["runuser", "-u", "codex-front", "--", "sh", "-c", "echo >> /etc/codex/keys.toml"];
    assert_ne!(machine.run(&write).await.code, Some(0));

    machine.ok(&["codexctl", "key", "revoke", "me", "--file", FILE]).await;
    machine.systemctl(&["reload", FRONT]).await;
    becomes(&machine, &key, 401).await;
    serves(&machine).await;
    assert_eq!(machine.show(FRONT, "NRestarts").await, "0");

    // The whole file as a credential.
    let again = machine.ok(&["codexctl", "key", "add", "again", "--file", FILE]).await;
    let again = again.lines().next().expect("a key").to_owned();
    machine.write("/etc/codex/codex-front.env", "");
    let both = format!("{credential}LoadCredential=keys:{FILE}\nEnvironment=PROXY_API_KEYS_FILE=%d/keys\n");
    machine.write(unit, &both);
    machine.systemctl(&["daemon-reload"]).await;
    machine.systemctl(&["restart", FRONT]).await;
    becomes(&machine, &again, 200).await;
    let journal = machine.journal(FRONT).await;
    assert!(journal.contains("keys_loaded"), "{journal}");
    for secret in [KEY, &key, &again] {
        assert!(!journal.contains(secret), "{journal}");
    }
}
