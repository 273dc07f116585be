// What the operator has switched, on the disk and as engines take it.
#include "sbc/net/switch_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "sbc/net/state_folder.hpp"
#include "state_support.hpp"

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

class SwitchFileTest : public FolderTest {
 protected:
  [[nodiscard]] SwitchFile file() const {
    return SwitchFile(folder().string(), [this] { return time_; });
  }
  static bool taken(const SwitchFile::Result& result) { return std::holds_alternative<SwitchFile::Changes>(result); }
  void keep(const SwitchFile& switches) const { EXPECT_EQ(SwitchFile::write(folder().string(), switches.text()), ""); }
  /// "bypass", "block 1001", with "-" in front of what has ended.
  static std::vector<std::string> words(const SwitchFile::Changes& changes) {
    std::vector<std::string> all;
    for (const SwitchFile::Change& change : changes)
      all.push_back((change.until == 0 ? "-" : "") + std::string(change.what) + (change.device.empty() ? "" : " " + change.device));
    return all;
  }
  static std::vector<std::string> words(const SwitchFile::Result& result) { return words(std::get<SwitchFile::Changes>(result)); }

  std::int64_t time_ = 1'700'000'000;
  static constexpr acl::TimePoint now{1h};
};

TEST_F(SwitchFileTest, StandAgainAfterARestart) {
  SwitchFile before = file();
  EXPECT_TRUE(taken(before.set_lockdown({{"for", "600"}})));
  EXPECT_TRUE(taken(before.set_block({{"device", "1001"}, {"for", "3600"}})));
  EXPECT_TRUE(taken(before.set_block({{"device", "1002"}, {"for", "3600"}, {"outgoing", "yes"}})));
  keep(before);
  const auto switches = file().snapshot(now);
  EXPECT_TRUE(switches->lockdown(now + 599s));
  EXPECT_FALSE(switches->lockdown(now + 600s));
  ASSERT_NE(switches->block_of("1001", now), nullptr);
  EXPECT_FALSE(switches->block_of("1001", now)->outgoing);
  EXPECT_TRUE(switches->block_of("1002", now)->outgoing);
  EXPECT_EQ(switches->block_of("1002", now + 2h), nullptr);
  EXPECT_EQ(switches->block_of("1003", now), nullptr);
}

TEST_F(SwitchFileTest, OneOfTheTwoEndsTheOther) {
  SwitchFile switches = file();
  EXPECT_THAT(words(switches.set_lockdown({{"for", "600"}})), ElementsAre("lockdown"));
  EXPECT_THAT(words(switches.set_bypass({{"for", "60"}})), ElementsAre("bypass", "-lockdown"));
  EXPECT_TRUE(switches.json()["lockdown"].is_null());
  EXPECT_FALSE(switches.json()["bypass"].is_null());
  EXPECT_TRUE(switches.bypass());
  EXPECT_EQ(switches.next_end(), 60s);
  EXPECT_THAT(words(switches.set_bypass({{"off", "yes"}})), ElementsAre("-bypass"));
  EXPECT_EQ(switches.next_end(), std::nullopt);
  EXPECT_THAT(words(switches.set_bypass({{"off", "yes"}})), IsEmpty()) << "nothing has changed";
}

TEST_F(SwitchFileTest, WhatMakesNoSwitchIsTold) {
  SwitchFile switches = file();
  for (const char* time : {"", "0", "-1", "604801", "1h", "-9223372036854775808"})
    EXPECT_FALSE(taken(switches.set_bypass({{"for", time}}))) << time;
  EXPECT_FALSE(taken(switches.set_block({{"device", "a b"}, {"for", "60"}})));
  EXPECT_FALSE(taken(switches.set_block({{"device", "1001"}, {"off", "yes"}})));
}

TEST_F(SwitchFileTest, SoManyBlocksThatStandAndNoMore) {
  SwitchFile switches = file();
  for (std::size_t i = 0; i < SwitchFile::most_blocks; ++i)
    EXPECT_TRUE(taken(switches.set_block({{"device", std::to_string(i)}, {"for", "60"}})));
  EXPECT_FALSE(taken(switches.set_block({{"device", "more"}, {"for", "60"}})));
  EXPECT_TRUE(taken(switches.set_block({{"device", "7"}, {"for", "90"}}))) << "one that stands is prolonged";
  time_ += 60;
  EXPECT_EQ(switches.take_ended().size(), SwitchFile::most_blocks - 1);
  EXPECT_TRUE(taken(switches.set_block({{"device", "more"}, {"for", "60"}}))) << "what has ended leaves room";
  time_ += 60;
  EXPECT_THAT(words(switches.take_ended()), ElementsAre("-block 7", "-block more"));
  EXPECT_THAT(switches.take_ended(), IsEmpty()) << "each is told once";
  EXPECT_EQ(switches.text(), "");
}

TEST_F(SwitchFileTest, WhatNobodyCanHaveSwitchedIsPassedOver) {
  const auto at = [this](std::int64_t seconds) { return std::to_string(time_ + seconds) + "\n"; };
  write("switches", "bypass " + at(8 * 86'400) + "lockdown soon\nblock 1001\nblock 1002 all " + at(500 * 86'400) + "block 1003 all " +
                        at(60) + "block 1004 all " + at(-1) + "nothing\n\nblock 1005 some " + at(60) + "bypass -9223372036854775808\n");
  const json stands = json::parse(file().json().dump());
  EXPECT_TRUE(stands["bypass"].is_null());
  EXPECT_TRUE(stands["lockdown"].is_null());
  ASSERT_EQ(stands["blocks"].size(), 1U);
  EXPECT_EQ(stands["blocks"][0]["device"], "1003");
}

/// A pipe held up the start for ever, and a line was taken however long it was.
TEST_F(SwitchFileTest, WhatIsNoSmallPlainFileIsPassedOver) {
  const std::string line = "bypass " + std::to_string(time_ + 60) + "\n";
  write("switches", line + std::string(StateFolder::most_read, ' '));
  EXPECT_FALSE(file().bypass());
  std::filesystem::rename(folder() / "switches", folder() / "elsewhere");
  write("elsewhere", line);
  std::filesystem::create_symlink("elsewhere", folder() / "switches");
  EXPECT_FALSE(file().bypass());
  std::filesystem::remove(folder() / "switches");
  ASSERT_EQ(::mkfifo((folder() / "switches").c_str(), 0600), 0);
  EXPECT_FALSE(file().bypass());
  std::filesystem::remove(folder() / "switches");
  write("switches", line);
  EXPECT_TRUE(file().bypass());
}

TEST_F(SwitchFileTest, WhatCannotBeWrittenIsTold) {
  EXPECT_THAT(SwitchFile::write("/nowhere/at/all", file().text()), testing::HasSubstr("/nowhere/at/all cannot be written"));
}

}  // namespace
}  // namespace postern::net
