//! What a file is by its path, and whose folders are not looked into.

/// What a file is, as far as its path says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A program or a configuration: what it says could be proof or fault.
    Matters,
    /// Text whose content proves nothing: data, prose, generated bundles. Read where it is small.
    Text,
    /// Pictures, sound, fonts, archives, objects: never opened.
    Binary,
}

const BINARY: &[&str] = &[
    "7z",
    "a",
    "aac",
    "aar",
    "ai",
    "apk",
    "arrow",
    "avi",
    "avif",
    "avro",
    "bin",
    "bmp",
    "bz2",
    "cer",
    "class",
    "crx",
    "dat",
    "db",
    "der",
    "dll",
    "dmg",
    "doc",
    "docx",
    "dylib",
    "ear",
    "eot",
    "eps",
    "exe",
    "feather",
    "fig",
    "flac",
    "gguf",
    "gif",
    "gz",
    "h5",
    "hdf5",
    "heic",
    "icns",
    "ico",
    "ipa",
    "iso",
    "jar",
    "jks",
    "joblib",
    "jp2",
    "jpeg",
    "jpg",
    "keystore",
    "lz4",
    "m4a",
    "mkv",
    "mo",
    "mov",
    "mp3",
    "mp4",
    "mpeg",
    "msi",
    "node",
    "npy",
    "npz",
    "o",
    "obj",
    "odp",
    "ods",
    "odt",
    "ogg",
    "onnx",
    "orc",
    "otf",
    "p12",
    "parquet",
    "pb",
    "pdf",
    "pfx",
    "pickle",
    "pkl",
    "png",
    "ppt",
    "pptx",
    "psd",
    "pt",
    "pth",
    "pyc",
    "pyd",
    "pyo",
    "rar",
    "rlib",
    "rmeta",
    "safetensors",
    "sketch",
    "so",
    "sqlite",
    "sqlite3",
    "tar",
    "tflite",
    "tgz",
    "tif",
    "tiff",
    "ttf",
    "war",
    "wasm",
    "wav",
    "webm",
    "webp",
    "weights",
    "whl",
    "wmv",
    "woff",
    "woff2",
    "xls",
    "xlsx",
    "xz",
    "zip",
    "zst",
];

const PLAIN: &[&str] = &[
    "adoc",
    "bib",
    "csv",
    "diff",
    "dot",
    "drawio",
    "excalidraw",
    "geojson",
    "har",
    "htm",
    "html",
    "ics",
    "ipynb",
    "jsonl",
    "lock",
    "log",
    "map",
    "markdown",
    "md",
    "mdx",
    "ndjson",
    "org",
    "patch",
    "po",
    "pot",
    "puml",
    "rst",
    "rtf",
    "snap",
    "srt",
    "sum",
    "svg",
    "tex",
    "tsv",
    "txt",
    "vtt",
    "css",
    "less",
    "sass",
    "scss",
    "styl",
];

/// What the path says.
pub fn sort(path: &str) -> Sort {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    if is_lock(path) {
        return Sort::Matters;
    }
    if name.ends_with(".min.js")
        || name.ends_with(".min.css")
        || name.ends_with(".bundle.js")
        || name.ends_with(".pb.go")
        || name.ends_with(".d.ts")
    {
        return Sort::Text;
    }
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        // A list of requirements is a manifest, whatever its ending says.
        Some("txt") if name.starts_with("requirements") || name.starts_with("constraints") || path.contains("requirements/") => {
            Sort::Matters
        }
        Some(extension) if BINARY.binary_search(&extension).is_ok() => Sort::Binary,
        Some(extension) if PLAIN.contains(&extension) => Sort::Text,
        _ => Sort::Matters,
    }
}

/// Whether this is the lock file of a package manager.
pub(super) fn is_lock(path: &str) -> bool {
    const LOCKS: &[&str] = &[
        "Cargo.lock",
        "Gemfile.lock",
        "Pipfile.lock",
        "bun.lock",
        "composer.lock",
        "go.sum",
        "gradle.lockfile",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "pdm.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "uv.lock",
        "yarn.lock",
    ];
    LOCKS.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// Why a folder of this name is not looked into, wherever it stands.
pub(super) fn foreign(name: &str) -> Option<&'static str> {
    Some(match name {
        ".git" | ".hg" | ".svn" | ".bzr" | ".jj" => "the store of a version control system",
        "node_modules" | "bower_components" | "jspm_packages" | "site-packages" | "dist-packages" | "Pods" => "installed packages",
        "__pycache__" | ".tox" | ".nox" | ".mypy_cache" | ".pytest_cache" | ".ruff_cache" | ".hypothesis" | ".gradle" | ".terraform"
        | ".next" | ".nuxt" | ".svelte-kit" | ".turbo" | ".parcel-cache" | ".ipynb_checkpoints" | ".cache" | ".nyc_output" | ".eggs" => {
            "made by a tool"
        }
        ".idea" | ".vs" => "settings of an editor",
        _ => return None,
    })
}

/// Why a folder with these files in it is not looked into.
pub(super) fn made(holds: impl Fn(&str) -> bool) -> Option<&'static str> {
    if holds("pyvenv.cfg") {
        return Some("a virtual environment: installed packages");
    }
    holds("CACHEDIR.TAG").then_some("a cache: made by a tool")
}

/// Why a large file of this beginning matters to nobody: it was written by a program.
pub(super) fn generated(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&head[..head.len().min(4096)]).to_ascii_lowercase();
    let marked = text.lines().take(20).any(|line| {
        line.contains("do not edit") || line.contains("@generated") || line.contains("auto-generated") || line.contains("autogenerated")
    });
    // Nobody writes lines of two thousand characters.
    marked || text.len() >= 4000 && text.lines().count() <= 2
}

/// Whether these bytes are no text.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8192).any(|byte| *byte == 0)
}

/// Text of sixteen bits a character, as some editors write it, in UTF-8.
pub(super) fn narrowed(bytes: &[u8]) -> Option<Vec<u8>> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok().map(String::into_bytes)
}
