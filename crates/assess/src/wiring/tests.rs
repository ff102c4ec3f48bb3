use super::{Sort, module, sort};

fn left(path: &str) -> bool {
    matches!(sort(path, b"x = 1\n"), Sort::Left { .. })
}

fn test(path: &str) -> bool {
    matches!(sort(path, b"x = 1\n"), Sort::Ours { test: true })
}

#[test]
fn other_peoples_code_and_old_code_are_left_out_with_their_folder() {
    assert_eq!(
        sort("tool/.venv_pdf/lib/x.py", b""),
        Sort::Left { folder: "tool/.venv_pdf/".into(), why: "a committed virtual environment" }
    );
    for path in ["web/node_modules/a/index.js", "vendor/github.com/x/y.go", "archive/main.py", "dist/main.js", "api_pb2.py", "a.min.js"] {
        assert!(left(path), "{path}");
    }
    for path in ["src/main.py", "archive/readme.md", "cmd/build/main.go", "app/vendors.py", "build/Dockerfile"] {
        assert!(!left(path), "{path}");
    }
}

#[test]
fn tests_are_known_by_folder_and_by_name() {
    for path in
        ["tests/a.py", "a/b_test.go", "src/x.test.ts", "src/__tests__/x.js", "src/test/java/A.java", "test_x.py", "OrderServiceTest.java"]
    {
        assert!(test(path), "{path}");
    }
    for path in ["src/contest.py", "src/latest.go", "app/testimony/x.py", "src/attest.ts"] {
        assert!(!test(path), "{path}");
    }
}

#[test]
fn a_module_is_called_by_its_path() {
    assert_eq!(module("backend/app/core/security.py"), "backend.app.core.security");
    assert_eq!(module("backend/app/__init__.py"), "backend.app");
    assert_eq!(module("main.go"), "main");
}
