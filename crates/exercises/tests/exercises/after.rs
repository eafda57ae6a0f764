//! What comes after stage 6: its programs hold their behaviours, and stage 6's own fall short of them.

use std::path::Path;

use anyhow::{Context, Result};
use lab::course::cast::Cast;
use lab::course::session::Session;
use lab::course::stages;
use lab::play;
use libtest_mimic::{Failed, Trial};

pub(super) fn trials() -> Result<Vec<Trial>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("behaviours");
    let mut trials = Vec::new();
    for step in ["after-framing", "after-clients", "after-noticing", "after-stopping"] {
        let folder = folder.join(step);
        let entries = folder.read_dir().with_context(|| format!("failed to read {step}"))?;
        for entry in entries {
            let behaviour = Session::read(&entry?.path())?;
            let name = format!("{step}/{}", behaviour.name());
            let before = behaviour.clone();
            let ours = name.clone();
            trials.push(Trial::test(format!("{name} holds"), move || {
                play(&behaviour, step).map_err(Failed::from)
            }));
            trials.push(Trial::test(format!("{ours} is missed by stage 6"), move || {
                match play(&before, "stage6") {
                    Ok(()) => Err("stage 6 does it already".into()),
                    Err(_) => Ok(()),
                }
            }));
        }
    }
    Ok(trials)
}

/// Plays it with the server and the client whose names begin so.
fn play(behaviour: &Session, programs: &str) -> Result<(), String> {
    let part = |part| Some(vec![format!("{programs}-{part}")]);
    let troupe = stages::troupe().map_err(|err| err.to_string())?;
    let cast = Cast { server: part("server"), client: part("client"), ..troupe };
    play::play(behaviour, &cast, &mut |_| {}).map_err(|report| report.to_string())
}
