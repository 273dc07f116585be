// Whom alerts reach: the URL taken apart, the program looked at.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/config/support.hpp"

namespace postern::config::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

net::WebhookOptions webhook(const std::string& url) {
  const LoadResult result = load(smallest + ("alerts: {webhook: \"" + url + "\"}\n"));
  EXPECT_TRUE(result.ok()) << url;
  return result.ok() ? result.config.shell.alerts->webhook.value() : net::WebhookOptions();
}

TEST(Alerts, AUrlIsTakenApart) {
  EXPECT_EQ(webhook("https://hooks.example.com/postern"), (net::WebhookOptions{true, "hooks.example.com", 443, "/postern"}));
  EXPECT_EQ(webhook("http://127.0.0.1:8080"), (net::WebhookOptions{false, "127.0.0.1", 8080, "/"}));
  EXPECT_EQ(webhook("https://[2001:db8::1]:8443/a/b?c=d#e"), (net::WebhookOptions{true, "2001:db8::1", 8443, "/a/b?c=d"}));
  EXPECT_EQ(webhook("https://hooks.example.com?token=1"), (net::WebhookOptions{true, "hooks.example.com", 443, "/?token=1"}));
  EXPECT_EQ(load(std::string(smallest) + "alerts: {webhook: https://a.example}\n").config.shell.alerts->min_interval,
            std::chrono::minutes(5));
}

TEST(Alerts, WhatIsNoUrlIsTold) {
  for (const char* bad : {"hooks.example.com", "ftp://hooks.example.com", "https://", "https://user:word@hooks.example.com/",
                          "https://a b/", "https://hooks.example.com/\\u00e4"})
    EXPECT_FALSE(load(smallest + ("alerts: {webhook: \"" + std::string(bad) + "\"}\n")).ok()) << bad;
}

TEST(Alerts, ACommandMustBeOneThatCanBeRun) {
  const Folder folder;
  const std::string script = folder.write("page-me", "#!/bin/sh\n");
  const auto loaded = [&](const std::string& command) { return load(smallest + ("alerts: {command: " + command + "}\n"), folder.path()); };
  EXPECT_THAT(problems_of(loaded("page-me")),
              ElementsAre("3:19: alerts.command: " + script + " may not be run by this user: chmod +x, if it is a program"));
  EXPECT_THAT(problems_of(loaded("none")), ElementsAre("3:19: alerts.command: " + folder.path() + "/none: No such file or directory"));
  EXPECT_THAT(problems_of(loaded(folder.path())), ElementsAre("3:19: alerts.command: " + folder.path() + " is no file"));
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  EXPECT_THAT(problems_of(loaded("page-me")), IsEmpty());
  EXPECT_EQ(loaded("page-me").config.shell.alerts->command, script) << "relative to the file";
}

TEST(Alerts, WhatReachesNobodyOrEverybodyIsDoubted) {
  EXPECT_THAT(problems_with("alerts: {min_interval: 1m}\n"),
              ElementsAre("3:9: alerts: warning: nobody is told: write `webhook`, `command` or both"));
  EXPECT_THAT(
      problems_with("alerts: {webhook: http://hooks.example.com/}\n"),
      ElementsAre("3:19: alerts.webhook: warning: http:// tells everybody on the way who is banned and who calls whom, and nobody proves "
                  "to be the server: use https://"));
  EXPECT_THAT(problems_with("alerts: {webhook: http://192.168.1.4:8065/hooks/x}\n"), IsEmpty());
}

}  // namespace
}  // namespace postern::config::test
