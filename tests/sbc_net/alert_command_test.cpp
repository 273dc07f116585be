// Real programs that are told of an alert.
#include "sbc/net/alert_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "state_support.hpp"

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class AlertCommandTest : public FolderTest {
 protected:
  [[nodiscard]] std::string file(const std::string& name) const { return (folder() / name).string(); }
  [[nodiscard]] std::string script(const std::string& body) const {
    const std::string path = file("page-me");
    std::ofstream(path) << "#!/bin/sh\ncd " << folder().string() << "\n" << body << "\n";
    ::chmod(path.c_str(), 0755);
    return path;
  }
  [[nodiscard]] std::string text_of(const std::string& name) const {
    std::ifstream in(file(name));
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  static AlertResult run(const std::string& path, std::chrono::milliseconds longest = 20s, const std::stop_token& stop = {}) {
    return run_command(path, "{\"alert\": \"test\"}", "test", "what happened; $(id)", longest, stop);
  }
};

TEST_F(AlertCommandTest, GetsAllOfItAndNoDescriptorOfOurs) {
  const auto result =
      run(script("cat /dev/stdin >input; echo \"$POSTERN_ALERT|$POSTERN_MESSAGE\" >environment; ls /proc/self/fd >descriptors"));
  EXPECT_TRUE(result.delivered) << result.what;
  EXPECT_EQ(text_of("input"), "{\"alert\": \"test\"}");
  EXPECT_EQ(text_of("environment"), "test|what happened; $(id)\n");
  EXPECT_EQ(text_of("descriptors"), "0\n1\n2\n3\n") << "3 is what ls reads";
}

TEST_F(AlertCommandTest, InheritsNothingThatIsOursAlone) {
  for (const char* name : {"POSTERN_DETAIL", "NOTIFY_SOCKET", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY"}) ::setenv(name, "ours", 1);
  ::setenv("PAGER_TOKEN", "its own", 1);
  EXPECT_TRUE(run(script("env >environment")).delivered);
  for (const char* name : {"POSTERN_DETAIL", "NOTIFY_SOCKET", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY", "PAGER_TOKEN"}) ::unsetenv(name);
  const std::string environment = text_of("environment");
  EXPECT_EQ(environment.find("=ours"), std::string::npos) << environment;
  EXPECT_THAT(environment, HasSubstr("PAGER_TOKEN=its own\n"));
  EXPECT_THAT(environment, HasSubstr("POSTERN_ALERT=test\n"));
}

TEST_F(AlertCommandTest, HowItEndsIsTold) {
  EXPECT_EQ(run(script("exit 75")).what, "exit status 75");
  EXPECT_FALSE(run(script("exit 75")).delivered);
  EXPECT_EQ(run(script("kill -TERM $$")).what, "ended by signal 15");
  EXPECT_EQ(run(file("none")).what, "cannot be run: No such file or directory");
}

TEST_F(AlertCommandTest, WhoTakesTooLongIsKilledWithItsChildren) {
  const auto result = run(script("sleep 1000 & echo $! >child; wait"), 1s);
  EXPECT_EQ(result.what, "took longer than 1 s, and was killed");
  const int child = std::stoi(text_of("child"));
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  // Who reaps it then may not do so, and an ended process answers signals until then.
  const auto runs = [&] {
    std::ifstream status("/proc/" + std::to_string(child) + "/stat");
    std::string pid, name, state;
    return status >> pid >> name >> state && state != "Z";
  };
  while (runs() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(runs());
}

TEST_F(AlertCommandTest, AStopDoesNotWaitForIt) {
  std::stop_source stop;
  stop.request_stop();
  const auto begun = std::chrono::steady_clock::now();
  const auto result = run(script("echo $$ >child; exec sleep 1000"), 1000s, stop.get_token());
  EXPECT_FALSE(result.delivered);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s);
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!text_of("child").ends_with('\n') && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(text_of("child").ends_with('\n')) << "it was never run";
  ::kill(std::stoi(text_of("child")), SIGKILL);
}

}  // namespace
}  // namespace postern::net
