//! Spring Boot.

use super::Sample;

/// Spring Boot.
pub const JAVA: Sample = (
    "java",
    &[
        (
            "pom.xml",
            r#"<project>
  <parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>3.3.2</version>
  </parent>
  <artifactId>shop</artifactId>
  <dependencies>
    <dependency>
      <groupId>org.springframework.boot</groupId>
      <artifactId>spring-boot-starter-web</artifactId>
    </dependency>
    <dependency>
      <groupId>org.springframework.boot</groupId>
      <artifactId>spring-boot-starter-actuator</artifactId>
    </dependency>
  </dependencies>
</project>
"#,
        ),
        (
            "src/main/java/org/example/shop/ShopApplication.java",
            r#"package org.example.shop;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

@SpringBootApplication
public class ShopApplication {
    public static void main(String[] args) {
        SpringApplication.run(ShopApplication.class, args);
    }
}
"#,
        ),
        (
            "src/main/java/org/example/shop/OrderController.java",
            r#"package org.example.shop;

import jakarta.validation.Valid;
import org.springframework.data.domain.Page;
import org.springframework.data.domain.Pageable;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/v1/orders")
public class OrderController {
    @GetMapping
    public Page<Order> list(Pageable pageable) {
        return Page.empty(pageable);
    }

    @PostMapping
    @PreAuthorize("hasRole('EDITOR')")
    public Order create(@Valid @RequestBody Order order) {
        return order;
    }
}
"#,
        ),
        (
            "src/main/java/org/example/shop/Failures.java",
            r#"package org.example.shop;

import org.springframework.http.ProblemDetail;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

@RestControllerAdvice
public class Failures {
    @ExceptionHandler(Exception.class)
    public ProblemDetail unexpected(Exception error) {
        return ProblemDetail.forStatus(500);
    }
}
"#,
        ),
        (
            "src/main/java/org/example/shop/SecurityConfiguration.java",
            r#"package org.example.shop;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.annotation.method.configuration.EnableMethodSecurity;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;

@Configuration
@EnableMethodSecurity
public class SecurityConfiguration {
    @Bean
    public SecurityFilterChain chain(HttpSecurity http) throws Exception {
        http.authorizeHttpRequests(requests -> requests.anyRequest().authenticated());
        http.oauth2ResourceServer(server -> server.jwt(jwt -> {}));
        return http.build();
    }
}
"#,
        ),
        (
            "src/main/resources/application.yml",
            r#"server:
  shutdown: graceful
spring:
  datasource:
    hikari:
      maximum-pool-size: 10
management:
  endpoints:
    web:
      exposure:
        include: health,prometheus
"#,
        ),
        (
            "src/test/java/org/example/shop/OrderTest.java",
            r#"package org.example.shop;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class OrderTest {
    @Test
    void namesStay() {
        assertEquals("a", new Order("a").name());
    }
}
"#,
        ),
    ],
);
