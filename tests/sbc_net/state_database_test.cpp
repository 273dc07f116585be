#include "sbc/net/state_database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <map>

#include "tests/sbc_net/state_support.hpp"

namespace postern::net {
namespace {

using Kind = StateDatabaseError::Kind;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Access = StateDatabase::Access;

class StateDatabaseTest : public FolderTest {
 protected:
  StateDatabase open(Access access = Access::read_write) const { return {folder().string(), access}; }
  [[nodiscard]] std::string binding(const std::string& user) const {
    std::string bytes;
    append_record(bytes, binding_of(user, clocks_.steady), listeners_, clocks_);
    return bytes;
  }
  /// False: its end is torn.
  static bool fold(StateDatabase&& database, std::string_view bytes) { return fold(database, bytes); }
  static bool fold(StateDatabase& database, std::string_view bytes) {
    Unfolded records;
    const bool whole = records.add_read(bytes);
    return database.fold(records, [bytes](const Unfolded::Place& place) { return bytes.substr(place.begin, place.size); }) && whole;
  }
  static std::string mark(RecordKind kind) {
    std::string bytes;
    append_mark(bytes, kind);
    return bytes;
  }
  /// Users of the registrations in it.
  std::vector<std::string> users(StateDatabase database) const {
    sbc::DurableState state;
    database.each([&](const Record& record) { restore_record(record, listeners_, clocks_, state); });
    std::vector<std::string> users;
    for (const sbc::Binding& kept : state.bindings) users.push_back(kept.aor_user);
    return users;
  }
  [[nodiscard]] std::vector<std::string> users() const { return users(open()); }
  /// How opening or reading it fails.
  [[nodiscard]] std::optional<Kind> fault(Access access = Access::read_write) const {
    try {
      open(access).each([](const Record&) {});
    } catch (const StateDatabaseError& error) {
      return error.kind();
    }
    return std::nullopt;
  }
  void sql(const char* text) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder() / "state.db").c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, text, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  const std::vector<sbc::ListenerAddress> listeners_ = sbc::addresses_of(two_listeners());
  const Clocks clocks_{acl::TimePoint(std::chrono::hours{1000}), 1'800'000'000'000};
};

TEST_F(StateDatabaseTest, KeepsWhatIsFolded) {
  EXPECT_TRUE(fold(open(), binding("1001") + binding("1002") + binding("1001")));
  EXPECT_THAT(users(), ElementsAre("1001", "1002"));
  std::string removed;
  append_removed(removed, binding_of("1001", clocks_.steady));
  EXPECT_TRUE(fold(open(), removed));
  EXPECT_THAT(users(), ElementsAre("1002"));
  EXPECT_THAT(users(open(Access::read_only)), ElementsAre("1002"));
  struct stat status{};
  ASSERT_EQ(::stat((folder() / "state.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(StateDatabaseTest, ALinkMayLeadToTheFolderButNotToTheFile) {
  const std::filesystem::path link = parent_ / "link";
  std::filesystem::create_directory_symlink(folder(), link);
  EXPECT_TRUE(fold(StateDatabase(link.string(), Access::read_write), binding("1001")));
  EXPECT_THAT(users(), ElementsAre("1001"));
  std::filesystem::rename(folder() / "state.db", folder() / "elsewhere");
  std::filesystem::create_symlink("elsewhere", folder() / "state.db");
  EXPECT_EQ(fault(), Kind::failed);
}

TEST_F(StateDatabaseTest, OfOneKeyTheLastRecordHolds) {
  std::string removed;
  append_removed(removed, binding_of("1001", clocks_.steady));
  fold(open(), binding("1001") + removed + binding("1002") + binding("1001") + binding("1003") + removed);
  EXPECT_THAT(users(), ElementsAre("1002", "1003"));
  fold(open(), removed + binding("1001"));
  EXPECT_THAT(users(), ElementsAre("1001", "1002", "1003"));
}

TEST_F(StateDatabaseTest, FoldsManyAndThenFew) {
  StateDatabase database = open();
  std::string many;
  for (int i = 0; i < 500; ++i) many += binding("1001") + binding("1002");
  EXPECT_TRUE(fold(database, many));
  std::string removed;
  append_removed(removed, binding_of("1001", clocks_.steady));
  EXPECT_TRUE(fold(database, removed + binding("1003")));
  EXPECT_THAT(users(), ElementsAre("1002", "1003"));
  EXPECT_TRUE(fold(database, ""));
  EXPECT_THAT(users(), ElementsAre("1002", "1003"));
}

TEST_F(StateDatabaseTest, FoldsUpToATornRecord) {
  const std::string second = binding("1002");
  EXPECT_FALSE(fold(open(), binding("1001") + second.substr(0, second.size() - 1)));
  EXPECT_THAT(users(), ElementsAre("1001"));
}

TEST_F(StateDatabaseTest, TellsWhatCannotBeReadAgain) {
  const std::string two = binding("1001") + binding("1002");
  Unfolded records;
  ASSERT_TRUE(records.add_read(two));
  std::string damaged = two;
  damaged[20] ^= 1;
  EXPECT_FALSE(
      open().fold(records, [&](const Unfolded::Place& place) { return std::string_view(damaged).substr(place.begin, place.size); }));
  EXPECT_THAT(users(), ElementsAre("1002"));
  EXPECT_FALSE(open().fold(records, [&](const Unfolded::Place&) { return std::string_view(); }));
}

TEST_F(StateDatabaseTest, ARetellingRemovesWhatItDoesNotName) {
  StateDatabase database = open();
  fold(database, binding("1001") + binding("1002"));
  fold(database, mark(RecordKind::retell_begins) + binding("1002"));
  EXPECT_THAT(users(), ElementsAre("1001", "1002")) << "not before it has ended";
  fold(database, binding("1003") + mark(RecordKind::retell_ends));
  EXPECT_THAT(users(), ElementsAre("1002", "1003"));
}

TEST_F(StateDatabaseTest, ARetellingGoesOnAfterAStart) {
  fold(open(), binding("1001") + binding("1002"));
  fold(open(), mark(RecordKind::retell_begins));
  fold(open(), binding("1002") + mark(RecordKind::retell_ends));
  EXPECT_THAT(users(), ElementsAre("1002"));
}

TEST_F(StateDatabaseTest, WhatHasEndedIsRemoved) {
  StateDatabase database = open();
  std::string ban;
  append_record(ban, sbc::DurableBan{address("192.0.2.9"), acl::TimePoint::max(), sbc::Cause::rule_ban}, clocks_);
  fold(database, binding("1001") + ban);
  int count = 0;
  const auto counted = [&count](const Record&) { ++count; };
  database.remove_ended(clocks_.wall + 3'599'999);
  database.each(counted);
  EXPECT_EQ(count, 2);
  count = 0;
  database.remove_ended(clocks_.wall + 3'600'000);
  database.each(counted);
  EXPECT_EQ(count, 1) << "for ever";
}

TEST_F(StateDatabaseTest, NoDatabaseIsBroken) {
  write("state.db", std::string(5000, 'x'));
  EXPECT_EQ(fault(), Kind::broken);
  EXPECT_EQ(fault(Access::read_only), Kind::broken);
}

TEST_F(StateDatabaseTest, AnEmptyFileBecomesOne) {
  write("state.db", "");
  EXPECT_EQ(fault(), std::nullopt);
}

TEST_F(StateDatabaseTest, ADamagedOneIsBrokenOrItsRowsAreOfNoUse) {
  std::string rows;
  for (int i = 0; i < 200; ++i) rows += binding(std::to_string(1000 + i));
  fold(open(), rows);
  const std::string whole = content("state.db");
  ASSERT_GT(whole.size(), 20'000U);
  int broken = 0;
  int fewer = 0;
  for (std::size_t at = 0; at + 200 < whole.size(); at += 997) {
    std::string damaged = whole;
    damaged.replace(at, 200, 200, '\x5a');
    write("state.db", damaged);
    try {
      const auto left = users();
      EXPECT_LE(left.size(), 200U);
      for (const std::string& user : left) EXPECT_THAT(user, SizeIs(4));
      fewer += left.size() < 200 ? 1 : 0;
    } catch (const StateDatabaseError& error) {
      EXPECT_EQ(error.kind(), Kind::broken) << error.what();
      ++broken;
    }
  }
  EXPECT_GT(broken, 0);
  EXPECT_GT(fewer, 0);
  write("state.db", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(fault(), Kind::broken);
}

TEST_F(StateDatabaseTest, ANewerOneIsLeftAsItIs) {
  fold(open(), binding("1001"));
  sql("pragma user_version = 2");
  const std::string before = content("state.db");
  EXPECT_EQ(fault(), Kind::newer);
  EXPECT_EQ(content("state.db"), before);
}

TEST_F(StateDatabaseTest, OneOfAnotherProgramIsBroken) {
  sql("create table other(x)");
  EXPECT_EQ(fault(), Kind::broken);
  sql("pragma user_version = 1");
  EXPECT_EQ(fault(), Kind::broken);
}

TEST_F(StateDatabaseTest, RowsThatNobodyFoldedAreOfNoUse) {
  fold(open(), binding("1001"));
  sql("update records set ends = ends + 1");
  EXPECT_THAT(users(), IsEmpty());
  sql("insert into records values('nonsense', 'x', 0, 'y', 0), ('ban', 7, 'x', 1.5, 0), ('registration', zeroblob(100000), 1, '', 0)");
  EXPECT_THAT(users(), IsEmpty());
}

TEST_F(StateDatabaseTest, NoTriggerOfAHostileOneRuns) {
  fold(open(), binding("1001"));
  sql("create trigger t after insert on records begin delete from records; end");
  fold(open(), binding("1002"));
  EXPECT_THAT(users(), ElementsAre("1001", "1002"));
}

TEST_F(StateDatabaseTest, SomebodysLockIsNoDamage) {
  open();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder() / "state.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "begin exclusive", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(fault(), Kind::failed);
  sqlite3_close(db);
  EXPECT_EQ(fault(), std::nullopt);
}

TEST_F(StateDatabaseTest, SetsAsideAFew) {
  for (int i = 0; i < 6; ++i) {
    write("state.db", std::to_string(i));
    EXPECT_TRUE(StateDatabase::set_aside(folder().string()));
  }
  EXPECT_FALSE(StateDatabase::set_aside(folder().string())) << "there is none";
  EXPECT_EQ(content("state.db.broken-1"), "5");
  EXPECT_EQ(content("state.db.broken-3"), "3");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder()), std::filesystem::directory_iterator()), 3);
}

}  // namespace
}  // namespace postern::net
