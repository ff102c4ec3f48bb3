use super::Java;
use crate::{
    fact::{Extract, Fact, FileId, Kind},
    language::Language,
    wiring::{Place, Program, Wired},
};

fn read(text: &str) -> Extract {
    Java.extract("src/main/java/com/ex/A.java", text)
}

fn of(extract: &Extract, kind: Kind) -> Vec<&Fact> {
    extract.facts.iter().filter(|fact| fact.kind == kind).collect()
}

/// Wires these files by themselves.
fn wire(files: &[(&str, &str)]) -> Wired {
    let extracts: Vec<Extract> = files.iter().map(|(path, text)| Java.extract(path, text)).collect();
    let files = files.iter().zip(&extracts).zip(0u32..).map(|(((path, _), extract), number)| (FileId(number), *path, extract)).collect();
    let names = |_: FileId, _: &str| -> Option<Place> { None };
    let origin = |_: FileId, _: &str| -> Option<(FileId, String)> { None };
    Java.wire(&Program { files, names: &names, origin: &origin })
}

fn named<'a>(facts: &'a [Fact], kind: Kind, name: &str) -> &'a Fact {
    let all: Vec<_> = facts.iter().filter(|fact| fact.kind == kind).collect();
    all.iter()
        .find(|fact| fact.name == name)
        .unwrap_or_else(|| panic!("no {name} in {:?}", all.iter().map(|fact| &fact.name).collect::<Vec<_>>()))
}

const APP: (&str, &str) = (
    "src/main/java/com/ex/App.java",
    "package com.ex;\nimport org.springframework.boot.autoconfigure.SpringBootApplication;\n@SpringBootApplication\npublic class App {\n  public static void main(String[] a) {}\n}\n",
);

#[test]
fn calls_are_named_by_the_type_of_what_they_are_called_on() {
    let text = "package com.ex;\nimport org.springframework.web.client.RestTemplate;\nclass A {\n  private final RestTemplate client = new RestTemplate();\n  static final int MAX = 5 * 2;\n  void go(Helper helper) {\n    this.client.getForObject(\"http://x/y\", String.class, MAX);\n    var other = new Helper(1);\n    other.run(helper);\n  }\n}\n";
    let extract = read(text);
    let calls: Vec<_> = of(&extract, Kind::Call)
        .into_iter()
        .map(|fact| (fact.name.clone(), fact.line, extract.symbols[fact.symbol as usize].name.clone()))
        .collect();
    let want = [
        ("org.springframework.web.client.RestTemplate", 4, "A"),
        ("org.springframework.web.client.RestTemplate.getForObject", 7, "A.go"),
        ("com.ex.Helper", 8, "A.go"),
        ("com.ex.Helper.run", 9, "A.go"),
    ];
    assert_eq!(calls, want.map(|(name, line, symbol)| (name.to_owned(), line, symbol.to_owned())));
    let get = of(&extract, Kind::Call)[1];
    assert_eq!((get.get("0"), get.get("1"), get.get("2")), (Some("http://x/y"), Some("java.lang.String"), Some("10")));
    assert!(extract.trouble.is_empty());
    assert!(extract.uses.iter().any(|one| one.path == "Helper.run" && one.line == 9), "{:?}", extract.uses);
}

#[test]
fn comments_and_imports_are_no_calls() {
    let extract = read("import a.b.Cache;\nclass A {\n  // new Cache();\n  /** {@link Cache} */\n  void x() { }\n}\n");
    assert_eq!(of(&extract, Kind::Call), Vec::<&Fact>::new());
    assert!(extract.uses.is_empty());
    assert_eq!(of(&extract, Kind::Def)[1].get("body"), Some("empty"));
}

#[test]
fn settings_environment_catches_and_raises_are_facts() {
    let text = "import org.springframework.beans.factory.annotation.Value;\nimport org.springframework.boot.context.properties.ConfigurationProperties;\n@ConfigurationProperties(prefix = \"app.db\")\nclass Db {\n  private int maxSize = 10;\n  @Value(\"${feature.x:false}\") boolean featureX;\n  void f() {\n    System.getenv(\"HOME_X\");\n    try { g(); } catch (IllegalStateException | java.io.IOException e) { } catch (Exception e) { log.error(\"x\", e); }\n    if (featureX) { g(); } else { h(); }\n    throw new IllegalArgumentException(\"no\");\n  }\n  void g() {}\n  void h() {}\n}\n";
    let extract = read(text);
    let settings: Vec<_> =
        of(&extract, Kind::Setting).into_iter().map(|fact| (fact.name.as_str(), fact.get("default"), fact.line)).collect();
    assert!(settings.contains(&("app.db.max-size", Some("10"), 5)), "{settings:?}");
    assert!(settings.contains(&("feature.x", Some("false"), 6)), "{settings:?}");
    assert_eq!(of(&extract, Kind::Env)[0].name, "HOME_X");
    let catches: Vec<_> = of(&extract, Kind::Catch).into_iter().map(|fact| (fact.name.as_str(), fact.get("body"))).collect();
    assert_eq!(
        catches,
        [("java.lang.IllegalStateException", Some("empty")), ("java.io.IOException", Some("empty")), ("java.lang.Exception", Some("log"))]
    );
    assert_eq!(of(&extract, Kind::Raise)[0].name, "java.lang.IllegalArgumentException");
    let guarded: Vec<_> = of(&extract, Kind::Call)
        .into_iter()
        .filter_map(|fact| fact.guard.as_ref().map(|guard| (fact.name.as_str(), guard.flag.as_str(), guard.negated)))
        .collect();
    assert_eq!(guarded, [("Db.g", "featureX", false), ("Db.h", "featureX", true)]);
}

#[test]
fn sql_that_is_pasted_together_is_told_from_constant_sql() {
    let extract =
        read("class A { void f(String n) {\n q(\"select * from t where a = '\" + n + \"'\");\n q(\"select b \" + \"from t\");\n} }");
    let texts: Vec<_> = of(&extract, Kind::Text).into_iter().map(|fact| (fact.line, fact.get("built"))).collect();
    assert_eq!(texts, [(2, Some("yes")), (3, Some("no"))]);
}

#[test]
fn tests_count_their_assertions_and_tell_those_that_cannot_fail() {
    let text = "import org.junit.jupiter.api.Test;\nimport static org.junit.jupiter.api.Assertions.*;\nclass T {\n  @Test void a() { assertEquals(1, f()); assertTrue(g()); }\n  @Test void b() { assertTrue(true); }\n  @Test @org.junit.jupiter.api.Disabled void c() { f(); }\n  int f() { return 1; }\n}\n";
    let extract = read(text);
    let tests: Vec<_> = of(&extract, Kind::Test)
        .into_iter()
        .map(|fact| (fact.name.as_str(), fact.get("asserts"), fact.get("trivial"), fact.get("skipped")))
        .collect();
    let want = [
        ("T.a", Some("2"), Some("no"), Some("no")),
        ("T.b", Some("1"), Some("yes"), Some("no")),
        ("T.c", Some("0"), Some("no"), Some("yes")),
    ];
    assert_eq!(tests, want);
    assert!(of(&extract, Kind::Call).iter().any(|fact| fact.name == "org.junit.jupiter.api.Assertions.assertEquals"));
}

const CONTROLLER: &str = "package com.ex.web;\nimport org.springframework.web.bind.annotation.*;\nimport org.springframework.security.access.prepost.PreAuthorize;\nimport jakarta.validation.Valid;\n\
    @RestController\n@RequestMapping(\"/api/users\")\nclass Users {\n  private final Store store;\n  Users(Store store) { this.store = store; }\n\
    @GetMapping\n  Page<User> list(Pageable page) { return store.all(page); }\n\
    @PostMapping(\"/{id}/mail\")\n  ResponseEntity<User> mail(@PathVariable long id, @Valid @RequestBody Mail mail) { return store.mail(id, mail); }\n\
    @PreAuthorize(\"hasRole('ADMIN')\")\n  @DeleteMapping(\"/{id}\") void drop(@PathVariable long id, @RequestBody String raw) { store.drop(id); }\n\
    @GetMapping(\"/ping\") String ping() { return \"pong\"; }\n}\n";

#[test]
fn controllers_are_routes_with_inputs_lists_and_calls() {
    let wired = wire(&[APP, ("src/main/java/com/ex/web/Users.java", CONTROLLER)]);
    let list = named(&wired.facts, Kind::Route, "GET /api/users");
    assert_eq!((list.get("list"), list.get("paged"), list.get("input"), list.line), (Some("yes"), Some("yes"), Some("none"), 10));
    assert_eq!(list.get("calls"), Some("com.ex.web.Store.all"));
    let mail = named(&wired.facts, Kind::Route, "POST /api/users/{id}/mail");
    assert_eq!(
        (mail.get("input"), mail.get("valid"), mail.get("output"), mail.get("guard")),
        (Some("typed"), Some("yes"), Some("typed"), None)
    );
    let drop = named(&wired.facts, Kind::Route, "DELETE /api/users/{id}");
    assert_eq!((drop.get("input"), drop.get("guard")), (Some("raw"), None));
    assert_eq!(
        drop.get("inactive"),
        Some("org.springframework.security.access.prepost.PreAuthorize"),
        "nothing switches such annotations on"
    );
    assert_eq!(named(&wired.facts, Kind::Route, "GET /api/users/ping").get("constant"), Some("yes"));
    assert_eq!(named(&wired.facts, Kind::App, "spring").line, 3);
    assert_eq!(wired.roots.first().map(|place| place.file), Some(FileId(0)));
    assert!(wired.leads.iter().any(|(from, to)| from.file == FileId(0) && to.file == FileId(1)), "the scan finds the controller");
}

#[test]
fn a_component_outside_the_scanned_packages_is_not_led_to() {
    let other = (
        "src/main/java/org/other/Thing.java",
        "package org.other;\nimport org.springframework.stereotype.Component;\n@Component\nclass Thing {}\n",
    );
    let wired = wire(&[APP, other]);
    assert!(!wired.leads.iter().any(|(from, to)| from.file == FileId(0) && to.file == FileId(1)));
}

#[test]
fn a_security_chain_guards_routes_by_its_first_fitting_rule_in_both_styles() {
    let styles = [
        "http.csrf(c -> c.disable()).authorizeHttpRequests(a -> a.requestMatchers(HttpMethod.POST, \"/api/users/*/mail\").permitAll().requestMatchers(\"/api/users/ping\", \"/login\").permitAll().anyRequest().authenticated());",
        "http.csrf().disable().authorizeRequests().antMatchers(HttpMethod.POST, \"/api/users/*/mail\").permitAll().antMatchers(\"/api/users/ping\").permitAll().anyRequest().authenticated().and().httpBasic();",
    ];
    for style in styles {
        let text = format!(
            "package com.ex;\nimport org.springframework.security.config.annotation.web.builders.HttpSecurity;\nimport org.springframework.security.web.SecurityFilterChain;\nimport org.springframework.context.annotation.*;\nimport org.springframework.http.HttpMethod;\n@Configuration\n@EnableMethodSecurity\nclass Sec {{\n  @Bean SecurityFilterChain chain(HttpSecurity http) throws Exception {{\n    {style}\n    http.addFilterBefore(new JwtFilter(), Other.class);\n    return http.build();\n  }}\n}}\n"
        );
        let wired = wire(&[APP, ("src/main/java/com/ex/Sec.java", &text), ("src/main/java/com/ex/web/Users.java", CONTROLLER)]);
        let guard = |name: &str| named(&wired.facts, Kind::Route, name).all("guard").map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(guard("POST /api/users/{id}/mail"), Vec::<String>::new(), "{style}");
        assert_eq!(guard("GET /api/users/ping"), Vec::<String>::new());
        assert!(guard("GET /api/users")[0].ends_with(".authenticated"));
        assert_eq!(guard("DELETE /api/users/{id}").len(), 2, "the annotation and the chain");
        let auth = |name: &str| named(&wired.facts, Kind::Route, name).get("auth").is_some();
        assert!(auth("GET /api/users") && !auth("GET /api/users/ping"));
        let chain = named(&wired.facts, Kind::Middleware, "org.springframework.security.web.SecurityFilterChain");
        assert!(chain.all("sets").any(|part| part == "csrf.disable"), "{chain:?}");
        assert_eq!(named(&wired.facts, Kind::Middleware, "com.ex.JwtFilter").line, 11);
    }
}

#[test]
fn open_paths_that_are_constants_are_looked_up_here_and_in_other_classes() {
    let text = "package com.ex;\nimport org.springframework.security.config.annotation.web.builders.HttpSecurity;\nclass Sec {\n  static final String[] OPEN = {\"/api/users/ping\"};\n  void chain(HttpSecurity http) {\n    http.authorizeHttpRequests(a -> a.requestMatchers(OPEN).permitAll().requestMatchers(HttpMethod.GET, Paths.LIST).permitAll().anyRequest().authenticated());\n  }\n}\n";
    let paths = "package com.ex;\ninterface Paths { String LIST = \"/api/users\"; }\n";
    let wired = wire(&[APP, ("a/Sec.java", text), ("a/Paths.java", paths), ("a/Users.java", CONTROLLER)]);
    for name in ["GET /api/users/ping", "GET /api/users"] {
        let route = named(&wired.facts, Kind::Route, name);
        assert_eq!((route.get("guard"), route.get("open").is_some()), (None, true), "{name}");
    }
    assert_eq!(named(&wired.facts, Kind::Route, "DELETE /api/users/{id}").all("guard").count(), 1);
}

#[test]
fn advice_filters_hooks_and_jax_rs_resources_are_wired() {
    let advice = "package com.ex;\nimport org.springframework.web.bind.annotation.*;\n@RestControllerAdvice\nclass Errors {\n  @ExceptionHandler(Exception.class)\n  Object any(Exception e) { return null; }\n  @ExceptionHandler Object bad(IllegalArgumentException e) { return null; }\n}\n";
    let filter = "package com.ex;\nimport org.springframework.stereotype.Component;\nimport org.springframework.web.filter.OncePerRequestFilter;\n@Component\nclass Ids extends OncePerRequestFilter {\n  @Override protected void doFilterInternal() {}\n}\n";
    let hook = "package com.ex;\nimport jakarta.annotation.PreDestroy;\nimport org.springframework.stereotype.Service;\n@Service class S { @PreDestroy void stop() { x(); } }\n";
    let resource = "package com.ex;\nimport jakarta.ws.rs.*;\nimport jakarta.annotation.security.RolesAllowed;\n@Path(\"/things\")\nclass Things {\n  @GET @Path(\"{id}\") @RolesAllowed(\"u\") Thing one(long id) { return f(id); }\n  @POST void add(Thing thing) {}\n}\n";
    let wired = wire(&[APP, ("a/Errors.java", advice), ("a/Ids.java", filter), ("a/S.java", hook), ("a/Things.java", resource)]);
    assert_eq!(named(&wired.facts, Kind::Handler, "java.lang.Exception").get("scope"), Some("app"));
    assert_eq!(named(&wired.facts, Kind::Handler, "IllegalArgumentException").line, 7);
    assert_eq!(named(&wired.facts, Kind::Middleware, "com.ex.Ids").get("scope"), Some("app"));
    assert_eq!(named(&wired.facts, Kind::Hook, "shutdown").get("handler"), Some("com.ex.S.stop"));
    let one = named(&wired.facts, Kind::Route, "GET /things/{id}");
    assert_eq!(one.get("guard"), Some("jakarta.annotation.security.RolesAllowed"));
    assert_eq!(named(&wired.facts, Kind::Route, "POST /things").get("input"), Some("typed"));
}

#[test]
fn what_an_annotation_names_is_used_and_what_a_method_yields_is_added() {
    let text = "package com.ex;\nimport org.springframework.security.config.annotation.web.builders.HttpSecurity;\nimport a.b.IdFilter;\n@Constraint(validatedBy = Unique.class)\n@interface Only {}\nclass Sec {\n  IdFilter ids() { return null; }\n  void chain(HttpSecurity http) {\n    Registry registry = http.authorizeRequests();\n    registry.antMatchers(\"/open\").permitAll();\n    http.addFilterBefore(ids(), X.class);\n  }\n}\n";
    let extract = read(text);
    let used = extract.uses.iter().find(|one| one.path == "Unique").expect("a use");
    assert_eq!((extract.symbols[used.symbol as usize].name.as_str(), used.line), ("Only", 4));
    assert!(of(&extract, Kind::Call).iter().any(|fact| fact.name.ends_with("HttpSecurity.authorizeRequests.permitAll")));
    let wired = wire(&[("a/Sec.java", text)]);
    assert_eq!(named(&wired.facts, Kind::Middleware, "a.b.IdFilter").line, 11);
}

#[test]
fn in_a_repository_of_several_services_each_has_its_own_chain_and_beans() {
    let app = |name: &str| format!("package com.ex;\n@org.springframework.boot.autoconfigure.SpringBootApplication\nclass {name} {{ }}\n");
    let chain = "package com.ex;\nimport org.springframework.security.config.annotation.web.builders.HttpSecurity;\nclass Sec { void chain(HttpSecurity http) { http.authorizeHttpRequests(a -> a.anyRequest().authenticated()); } }\n";
    let (one, two) = (app("One"), app("Two"));
    let files = [
        ("one/src/main/java/One.java", one.as_str()),
        ("one/src/main/java/Sec.java", chain),
        ("two/src/main/java/Two.java", two.as_str()),
        ("two/src/main/java/Users.java", CONTROLLER),
    ];
    let wired = wire(&files);
    assert_eq!(named(&wired.facts, Kind::Route, "GET /api/users").get("guard"), None);
    assert!(wired.leads.iter().any(|(from, to)| (from.file, to.file) == (FileId(2), FileId(3))));
    assert!(!wired.leads.iter().any(|(from, to)| (from.file, to.file) == (FileId(0), FileId(3))));
}

#[test]
fn resources_without_a_main_class_are_started_by_their_server() {
    let text = "package com.ex;\nimport jakarta.ws.rs.*;\nimport io.quarkus.logging.Log;\n@Path(\"/a\")\nclass A { @GET String a() { return Log.x(); } }\n";
    let bean = "package org.far;\n@jakarta.enterprise.context.ApplicationScoped\nclass B { }\n";
    let wired = wire(&[("m/src/main/java/A.java", text), ("m/src/main/java/B.java", bean)]);
    assert_eq!(named(&wired.facts, Kind::App, "quarkus").line, 4);
    assert!(wired.leads.iter().any(|(from, to)| (from.file, to.file) == (FileId(0), FileId(1))), "the whole module is indexed");
    let lone = "package com.ex;\nimport io.quarkus.logging.Log;\n@jakarta.enterprise.context.ApplicationScoped\nclass C { }\n";
    assert_eq!(named(&wire(&[("n/src/main/java/C.java", lone)]).facts, Kind::App, "quarkus").line, 3);
}

#[test]
fn an_adapter_that_configures_nothing_asks_for_a_login_everywhere() {
    let text = |body: &str| {
        format!(
            "package com.ex;\nimport a.b.ResourceServerConfigurerAdapter;\nclass Res extends ResourceServerConfigurerAdapter {{ {body} }}\n"
        )
    };
    let guard = |body: &str| {
        let wired = wire(&[APP, ("src/main/java/com/ex/Res.java", &text(body)), ("src/main/java/com/ex/Users.java", CONTROLLER)]);
        named(&wired.facts, Kind::Route, "GET /api/users").get("guard").map(str::to_owned)
    };
    assert_eq!(guard("").as_deref(), Some("a.b.ResourceServerConfigurerAdapter"));
    assert_eq!(guard("public void configure(HttpSecurity http) { }"), None);
}

#[test]
fn a_class_behind_an_interface_that_the_build_makes_is_led_to() {
    let app = APP.1.replace("com.ex", "com.ex.shop");
    let text = |base: &str| {
        format!(
            "package com.ex.shop.web;\nimport com.ex.shop.api.OrdersApi;\nimport org.lib.Thing;\nclass Orders implements {base} {{ @Override public void all() {{ }} }}\n"
        )
    };
    let led = |base: &str| {
        wire(&[("a/App.java", &app), ("a/Orders.java", &text(base))])
            .leads
            .iter()
            .any(|(from, to)| (from.file, to.file) == (FileId(0), FileId(1)))
    };
    assert!(led("OrdersApi"));
    assert!(!led("Thing"), "a library's interface mounts nothing");
    assert!(!led("Near"));
}

#[test]
fn entities_are_tables() {
    let text = "package com.ex;\nimport jakarta.persistence.*;\n@Entity\n@Table(name = \"orders\", indexes = @Index(columnList = \"user_id\"))\nclass Order {\n  @Id Long id;\n  @Column(nullable = false, unique = true) String code;\n  @ManyToOne @JoinColumn(name = \"user_id\") User user;\n  @OneToMany List<Item> items;\n  @Version int version;\n}\n";
    let extract = read(text);
    let sql: Vec<_> =
        of(&extract, Kind::Sql).into_iter().map(|fact| (fact.name.as_str(), fact.get("table"), fact.get("columns"), fact.line)).collect();
    let orders = Some("orders");
    let want = [
        ("create table orders", orders, Some("id,code,user_id,version"), 3),
        ("create index", orders, Some("user_id"), 4),
        ("primary key", orders, Some("id"), 6),
        ("not null", orders, Some("code"), 7),
        ("unique", orders, Some("code"), 7),
        ("foreign key", orders, Some("user_id"), 8),
        ("version", orders, Some("version"), 10),
    ];
    assert_eq!(sql, want);
}

#[test]
fn imports_lead_to_files_of_the_same_source_root_first() {
    let extract = read("import com.ex.b.C;\nimport com.ex.b.C.D;\nimport com.ex.b.*;\nimport java.util.List;\n");
    let exists = |path: &str| matches!(path, "mod/src/main/java/com/ex/b/C.java" | "mod/src/main/java/com/ex/b");
    let found: Vec<_> = extract.imports.iter().map(|import| Java.resolve("mod/src/main/java/com/ex/A.java", import, &exists)).collect();
    let file = "mod/src/main/java/com/ex/b/C.java".to_owned();
    let want = [
        Some((file.clone(), Some("C".to_owned()))),
        Some((file, Some("C.D".to_owned()))),
        Some(("mod/src/main/java/com/ex/b".to_owned(), None)),
        None,
    ];
    assert_eq!(found, want);
}

#[test]
fn hostile_text_neither_falls_nor_hangs() {
    let deep = [
        format!("class A {{ void f() {{ {} }} }}", "{".repeat(10_000)),
        format!("class A {{ int x = {}1{}; }}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("class A {{ Object x = a{}; }}", ".b()".repeat(10_000)),
        format!("class A {{ String x = {}\"\"; }}", "\"a\" + ".repeat(10_000)),
        "class A {".repeat(10_000),
        "@A(".repeat(10_000),
        "class \u{e9} { void \u{1f600}( {".to_owned(),
        "\"\"\"".to_owned(),
    ];
    for text in deep {
        assert!(read(&text).facts.len() < 60_001);
    }
}
