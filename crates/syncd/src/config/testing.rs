//! A small sound configuration for tests of other modules.

use std::path::Path;

use super::Config;
use super::load::{Choice, Env, load};

/// A configuration below `home` with pairs of these names; the pair `a` has the folder `disk-a`.
pub(crate) fn config(home: &Path, names: &[&str]) -> Config {
    let pairs: String = names
        .iter()
        .map(|name| {
            let local = home.join(format!("disk-{name}"));
            std::fs::create_dir_all(&local).unwrap();
            format!(
                "[[sync]]\nname = \"{name}\"\nlocal = \"{}\"\nremote = \"/{name}\"\n",
                local.display()
            )
        })
        .collect();
    let text = format!(
        "state_dir = \"{}\"\n[account]\napi_url = \"https://a.example/api/v2/\"\n{pairs}",
        home.join("state").display()
    );
    let file = home.join("config.toml");
    std::fs::write(&file, text).unwrap();
    let choice = Choice {
        file: Some(file),
        profile: None,
    };
    load(&choice, &Env::of("/home/ann", &[])).unwrap().config
}
