// A file that is read again while its settings run.
#include <gmock/gmock.h>

#include "tests/config/support.hpp"

namespace postern::config::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* running = "listeners: [udp://127.0.0.1:5060]\npbx: {address: udp://127.0.0.2:15060, bind: '127.0.0.3:5080'}\n";

class Reload : public ::testing::Test {
 protected:
  /// The problems of a reload, without the file's name.
  std::vector<std::string> reload(const std::string& text) {
    const LoadResult result = reload_file(folder_.write("p.yaml", text), held_);
    std::vector<std::string> problems;
    for (const Problem& problem : result.problems) problems.push_back(problem.to_string().substr(folder_.path().size() + 8));
    EXPECT_EQ(result.ok(), problems.empty());
    return problems;
  }

  Folder folder_;
  Settings held_ = load(running).held;
};

TEST_F(Reload, TakesWhatIsWrittenOtherwiseAndMeansTheSame) {
  EXPECT_THAT(reload(running), IsEmpty());
  EXPECT_THAT(reload("state: /var/lib/postern\nlimits: {tracked_sources: 1000000}\nlisteners: [udp://127.0.0.1:5070]\n"
                     "pbx: {address: udp://127.0.0.2:15061, bind: 127.0.0.3:5080}\n"),
              IsEmpty());
}

TEST_F(Reload, NamesThePlaceOfWhatOnlyAStartTakesOver) {
  EXPECT_THAT(reload("listeners: [udp://127.0.0.1:5060]\npbx: {address: udp://127.0.0.2:15060, bind: '127.0.0.4:5080'}\n"
                     "state: elsewhere\nlimits:\n  tracked_sources: 500\n"),
              ElementsAre("2:45: pbx.bind: a reload cannot change this (it is 127.0.0.3:5080 now): restart needed",
                          "3:8: state: a reload cannot change this (it is /var/lib/postern now): restart needed",
                          "5:20: limits.tracked_sources: a reload cannot change this (it is 1000000 now): restart needed"));
  EXPECT_THAT(reload("listeners: [udp://127.0.0.1:5060]\npbx: udp://127.0.0.2:15060\n"),
              ElementsAre("1:1: pbx.bind: a reload cannot change this (it is 127.0.0.3:5080 now): restart needed"));
}

TEST_F(Reload, TellsWhatIsWrongAsACheckDoes) {
  EXPECT_THAT(reload(std::string(running) + "colour: red\n"), ElementsAre("3:1: colour: unknown key"));
}

TEST_F(Reload, KnowsWhereWhatMayFailStands) {
  const LoadResult result = load(
      "admin: http://127.0.0.1:9460\nlisteners:\n  - udp://127.0.0.1:5060\n  - {address: udp://127.0.0.1:5062, name: two}\n"
      "pbx: {address: udp://127.0.0.2:15060, bind: '127.0.0.3:5080'}\n");
  const auto place = [&](const std::string& path) { return result.places.problem_at(path, "no").to_string().substr(7); };
  EXPECT_EQ(place("listeners[0]"), "3:5: listeners[0]: no");
  EXPECT_EQ(place("listeners[1]"), "4:15: listeners[1]: no");
  EXPECT_EQ(place("pbx.address"), "5:16: pbx.address: no");
  EXPECT_EQ(place("admin"), "1:8: admin: no");
  EXPECT_EQ(place("elsewhere"), "1:1: elsewhere: no");
}

}  // namespace
}  // namespace postern::config::test
