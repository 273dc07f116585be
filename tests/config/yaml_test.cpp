// YAML that is broken or hostile ends in an error, within bounds.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "config/yaml_tree.hpp"
#include "tests/config/support.hpp"

namespace postern::config::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Yaml, SyntaxErrorsHaveAPlace) {
  const auto problems = problems_of("listeners: [udp://127.0.0.1:5060\npbx: udp://127.0.0.1:15060\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0], HasSubstr(": (yaml): "));
}

TEST(Yaml, SyntaxErrorsSayWhatWasDone) {
  const std::string pbx = "pbx: udp://127.0.0.1:15060\n";
  const std::string together = ": what belongs together begins in the same column";
  const std::string quotes = "within [...] and {...} an address with brackets stands in quotes, as in \"udp://[::]:5060\"";
  for (const auto& [text, problem] : std::vector<std::pair<std::string, std::string>>{
           {"pbx:\n\taddress: udp://127.0.0.1:5\n", "2:9: (yaml): a tab; YAML is indented with spaces"},
           {"listeners: [udp://127.0.0.1:5060]\n " + pbx, "2:2: (yaml): this line is indented by 1, those around it by 0" + together},
           {"rules:\n  - action: drop\n   name: x\n", "3:4: (yaml): this line is indented by 3, those around it by 0 or 2 or 4" + together},
           {"rules:\n  - action: drop\n - action: drop\n",
            "3:2: (yaml): this line is indented by 1, those around it by 0 or 2 or 4" + together},
           {"listeners: [udp://[::]:5060]\n" + pbx, "1:19: (yaml): " + quotes},
           {"listeners: [udp://127.0.0.1:5060\n" + pbx, "2:4: (yaml): a `[` opened in line 1 is not closed"},
           {"rules:\n  - {action: drop, source: [192.0.2.1}\n", "2:38: (yaml): a `[` opened in line 2 is not closed"},
           {"listeners:[udp://127.0.0.1:5060]\n" + pbx, "2:4: (yaml): a space is missing after `listeners:`"},
           {"listeners:[udp://127.0.0.1:5060]\n", "1:1: (yaml): a space is missing after `listeners:`"},
           {"# '[\nstate: \"[\"\npbx:\n  bind:5\n  timeout: 4s\n", "5:10: (yaml): a space is missing after `bind:`"},
           {"rules:\n  - from_user: *1\n", "2:16: (yaml): text that begins with `*` stands in quotes, as in \"*1\""},
           {"rules: [{from_user: [1, *], action: drop}]\n", "1:26: (yaml): text that begins with `*` stands in quotes, as in \"*\""},
           {"user_agents: {a: [%x]}\n", "1:19: (yaml): text that begins with `%` stands in quotes, as in \"%x\""},
           {"user_agents: {a: [^x{2}]}\n", "1:21: (yaml): within [...] and {...} text with brackets in it stands in quotes"},
           {"rules:\n  - name: block: all\n", "2:16: (yaml): text with a colon and a space in it stands in quotes"},
           {"rules:\n  - {to_user: #1}\n", "2:5: rules[0]: a `{` opened in line 2 is not closed"},
           {repeated("[", 5000), "1:1: (yaml): nested too deeply"}})
    EXPECT_THAT(problems_of(text), ElementsAre(problem)) << text.substr(0, 80);
}

TEST(Yaml, EmptyFilesAreToldTheSmallest) {
  for (const char* text : {"", "\n\n", "# nothing\n", "---\n", "~\n"})
    EXPECT_THAT(problems_of(text), ElementsAre(HasSubstr("1:1: (yaml): the file is empty; the smallest one"))) << text;
}

TEST(Yaml, OneDocumentAFile) {
  EXPECT_THAT(problems_with("---\nstate: /a\n"), ElementsAre(HasSubstr("(yaml): a second document begins here")));
}

TEST(Yaml, BytesThatAreNoText) {
  EXPECT_THAT(problems_of(std::string("a: b\n\0", 6)), ElementsAre("2:1: (yaml): control character 0x00"));
  EXPECT_THAT(problems_of("a: \xff\n"), ElementsAre("1:4: (yaml): byte 0xff is no UTF-8"));
  EXPECT_THAT(problems_of("a: \xc0\x80\n"), ElementsAre("1:4: (yaml): byte 0xc0 is no UTF-8"));
  EXPECT_THAT(problems_of("a: b\x04\n"), ElementsAre("1:5: (yaml): control character 0x04"));
}

TEST(Yaml, AByteOrderMarkIsNoPartOfTheText) { EXPECT_THAT(problems_of(std::string("\xef\xbb\xbf") + smallest), ::testing::IsEmpty()); }

TEST(Yaml, CarriageReturnsAreFine) {
  EXPECT_THAT(problems_of("listeners: [udp://127.0.0.1:5060]\r\npbx: udp://127.0.0.1:15060\r\nstat: /a\r\n"),
              ElementsAre("3:1: stat: unknown key; did you mean \"state\"?"));
}

TEST(Yaml, KeysAreText) {
  EXPECT_THAT(problems_of("? [a]\n: b\n"), ElementsAre(HasSubstr("a key must be plain text")));
  EXPECT_THAT(problems_of("a: !ruby/object x\n"), ElementsAre("1:4: a: tags have no meaning here"));
}

TEST(Yaml, AliasesStandForWhatTheyName) {
  const LoadResult result = load(std::string(smallest) + "networks: {a: &n [192.0.2.0/24], b: *n}\ntrusted: b\n");
  ASSERT_TRUE(result.ok()) << result.problems[0].to_string();
  EXPECT_EQ(result.config.engine.trusted.size(), 1U);
}

TEST(Yaml, AnAliasInsideOfItsAnchor) { EXPECT_THAT(problems_of("a: &x [*x]\n"), ElementsAre(HasSubstr("inside of its own anchor"))); }

struct Hostile {
  const char* name;
  std::string text;
};

std::string laughs() {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + repeated(", " + last, 8) + "]\n";
  }
  return text;
}

std::vector<Hostile> hostile_texts() {
  constexpr std::size_t full = YamlLimits::file_bytes;
  std::string staircase;
  for (int i = 0; i < 1000; ++i) staircase += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  return {{"open lists", repeated("[", full)},
          {"open lists, few enough", repeated("[", YamlLimits::flow_indicators)},
          {"open maps", repeated("{a: ", 100'000)},
          {"dashes in a line", repeated("- ", full / 2)},
          {"questions in a list", "[" + repeated("? ", full / 2 - 1)},
          {"colons in a list", "[" + repeated(": ", full / 2 - 1)},
          {"short values in a list", "[" + repeated("a,", 150'000)},
          {"staircase", staircase},
          {"aliases", laughs()},
          {"anchors", "a: " + repeated("&a ", 300'000)},
          {"a long scalar", "a: \"" + repeated("x", full - 10)},
          {"many keys",
           [] {
             std::string text;
             for (int i = 0; i < 60'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
             return text;
           }()},
          {"8 MB", repeated("a", std::size_t{8} << 20)}};
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr bool address_space_is_ours = true;
#else
constexpr bool address_space_is_ours = false;  // a sanitizer's shadow needs terabytes
#endif

/// Loads in a child that has 100 MB more than it starts with; true if that gave an error rather than an end.
bool refused_within_bounds(const std::string& text) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (address_space_is_ours) {
      std::ifstream statm("/proc/self/statm");
      rlim_t pages = 0;
      statm >> pages;
      const rlim_t most = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + (rlim_t{100} << 20);
      const rlimit limit{most, most};
      ::setrlimit(RLIMIT_AS, &limit);
    }
    ::_exit(load(text).ok() ? 1 : 0);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Yaml, HostileTextEndsInAnErrorWithinBounds) {
  for (const Hostile& each : hostile_texts()) EXPECT_TRUE(refused_within_bounds(each.text)) << each.name;
}

TEST(Yaml, ProblemsAreBounded) {
  std::string text = smallest;
  for (int i = 0; i < 5000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  const LoadResult result = load(text);
  EXPECT_EQ(result.problems.size(), 501U);
  EXPECT_EQ(result.problems.back().message, "500 problems; the rest was not looked at");
}

}  // namespace
}  // namespace postern::config::test
