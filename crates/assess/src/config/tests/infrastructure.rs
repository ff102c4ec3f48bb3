use super::*;

#[test]
fn terraform_has_paths_through_its_blocks_and_what_its_values_refer_to() {
    let text = "resource \"aws_db_instance\" \"main\" {\n  storage_encrypted = true\n  tags = {\n    Team = \"x\"\n  }\n  vpc {\n    subnets = [aws_subnet.a.id, data.aws_vpc.b.id]\n    name    = \"${var.name}-db\"\n  }\n}\n";
    let facts = facts("infra/main.tf", text);
    let encrypted = one(&facts, Kind::Terraform, "resource.aws_db_instance.main.storage_encrypted");
    assert_eq!((encrypted.get("value"), encrypted.line), (Some("true"), 2));
    assert_eq!(one(&facts, Kind::Terraform, "resource.aws_db_instance.main.tags.Team").line, 4);
    let subnets = one(&facts, Kind::Terraform, "resource.aws_db_instance.main.vpc.subnets");
    assert_eq!((subnets.all("refers").collect::<Vec<_>>(), subnets.line), (vec!["aws_subnet.a", "data.aws_vpc.b"], 7));
    assert_eq!(one(&facts, Kind::Terraform, "resource.aws_db_instance.main.vpc.name").get("refers"), Some("var.name"));
    let block = one(&facts, Kind::Terraform, "resource.aws_db_instance.main");
    assert_eq!((block.line, block.end), (1, 10));
}

#[test]
fn directives_of_nginx_know_the_blocks_around_them() {
    let text = "limit_req_zone $binary_remote_addr zone=a:10m rate=5r/s; # here\nserver {\n  listen 443 ssl;\n  location ~ ^/a{2}/ {\n    limit_req zone=a\n      burst=5;\n    # proxy_pass http://no;\n    add_header X \"a; b\" always;\n  }\n}\n";
    let facts = facts("nginx/default.conf", text);
    let limit = one(&facts, Kind::Proxy, "limit_req");
    assert_eq!((limit.get("value"), limit.line, limit.end), (Some("zone=a burst=5"), 5, 6));
    assert_eq!(limit.get("within"), Some("server location ~ ^/a{2}/"));
    assert_eq!(one(&facts, Kind::Proxy, "add_header").get("value"), Some("X \"a; b\" always"));
    assert_eq!(one(&facts, Kind::Proxy, "limit_req_zone").get("within"), Some(""));
    assert!(!facts.iter().any(|fact| fact.name == "proxy_pass"), "a comment is no directive");
}

#[test]
fn other_proxies_are_read() {
    let caddy = facts("Caddyfile", "example.org {\n\treverse_proxy api:8000 {\n\t\thealth_uri /health\n\t}\n\theader -Server\n}\n");
    assert_eq!(one(&caddy, Kind::Proxy, "site").get("value"), Some("example.org"));
    let health = one(&caddy, Kind::Proxy, "health_uri");
    assert_eq!((health.get("value"), health.line, health.get("within")), (Some("/health"), 3, Some("example.org reverse_proxy api:8000")));
    assert_eq!(one(&caddy, Kind::Proxy, "header").get("within"), Some("example.org"));
    let haproxy = facts("haproxy.cfg", "defaults\n  timeout client 5s\nbackend api\n  server a 10.0.0.1:80 check\n");
    assert_eq!(one(&haproxy, Kind::Proxy, "server").get("within"), Some("backend api"));
    let apache = facts("site.conf", "<VirtualHost *:443>\n  SSLEngine on\n</VirtualHost>\nTimeout 5\n");
    assert_eq!(one(&apache, Kind::Proxy, "SSLEngine").get("within"), Some("VirtualHost *:443"));
    assert_eq!(one(&apache, Kind::Proxy, "Timeout").get("within"), Some(""));
    let traefik = facts("traefik.yml", "entryPoints:\n  web:\n    address: :80\n");
    assert_eq!(one(&traefik, Kind::Proxy, "entryPoints.web.address").get("server"), Some("traefik"));
}
