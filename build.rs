//! Puts the built pages (`player/dist`) into the binary as a table. A build without them still
//! compiles, so that the rest can be checked alone; such a server says so and refuses to start.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let dist = root.join("player/dist");
    println!("cargo::rerun-if-changed=player/dist");
    let mut table = String::new();
    if dist.join("manifest.json").is_file() {
        render(&dist, &mut table)?;
    } else {
        println!(
            "cargo::warning=player/dist is missing: run `make player` before building the server"
        );
        table.push_str(
            "pub(super) static MANIFEST: &str = \"\";\npub(super) static FILES: &[File] = &[];\n",
        );
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("assets.rs"), table)?;
    Ok(())
}

fn render(dist: &Path, table: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let manifest = fs::read_to_string(dist.join("manifest.json"))?;
    writeln!(table, "pub(super) static MANIFEST: &str = {manifest:?};")?;
    writeln!(table, "pub(super) static FILES: &[File] = &[")?;
    let mut files: Vec<PathBuf> = fs::read_dir(dist.join("assets"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let is_zipped = |path: &Path| {
        path.extension()
            .is_some_and(|end| end == "gz" || end == "br")
    };
    for path in files.iter().filter(|path| !is_zipped(path)) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let include = |suffix: &str| {
            let zipped = format!("{}{suffix}", path.display());
            if Path::new(&zipped).is_file() {
                format!("Some(include_bytes!({zipped:?}))")
            } else {
                "None".to_owned()
            }
        };
        writeln!(
            table,
            "File {{ url: \"/assets/{name}\", bytes: include_bytes!({:?}), gzip: {}, brotli: {} }},",
            path.display().to_string(),
            include(".gz"),
            include(".br"),
        )?;
    }
    writeln!(table, "];")?;
    Ok(())
}
