// A kill is a copy of the folder: what stands in its files then is all that the next start has.
#include "sbc/net/state_teller.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "tests/sbc_net/state_support.hpp"

namespace postern::net {
namespace {

using sbc::Urgency;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
namespace fs = std::filesystem;

constexpr std::chrono::seconds patience{20};

class Silent final : public sbc::EventSink {
 public:
  void on_event(const sbc::Event& /*event*/) override {}
};

class StateStoreTest : public FolderTest {
 protected:
  struct Run {
    explicit Run(const fs::path& path) : folder(path.string()), store(folder, *log) { teller.apply(two_listeners()); }
    ReadableLog log;
    StateFolder folder;
    StateStore store;
    StateTeller teller{store};
  };

  std::unique_ptr<Run> run() { return run_in(folder()); }
  static std::unique_ptr<Run> run_in(const fs::path& path) { return std::make_unique<Run>(path); }

  /// The bytes of each file of the folder; nullopt: one was emptied or taken away while it was read.
  [[nodiscard]] std::optional<std::map<std::string, std::string>> contents() const {
    std::map<std::string, std::string> all;
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator(folder())) {
      const auto size = fs::file_size(entry.path(), gone);
      const std::string name = entry.path().filename().string();
      if (gone || (all[name] = content(name.c_str())).size() != size) return std::nullopt;
    }
    return all;
  }
  /// What a start would find if the process were killed now: the files as they all stood at one moment, so that nothing changed between two
  /// readings of them.
  sbc::DurableState after_kill() {
    std::optional<std::map<std::string, std::string>> found;
    do {
      found = contents();
    } while (!found || contents() != found);
    const fs::path copy = parent_ / "copy";
    fs::remove_all(copy);
    fs::create_directory(copy);
    fs::permissions(copy, fs::perms::owner_all);
    for (const auto& [name, bytes] : *found) std::ofstream(copy / name, std::ios::binary) << bytes;
    return run_in(copy)->store.load(listeners_);
  }
  static std::vector<std::string> users(const sbc::DurableState& state) {
    std::vector<std::string> users;
    for (const sbc::Binding& binding : state.bindings) users.push_back(binding.aor_user);
    return users;
  }
  std::vector<std::string> users_after_kill() { return users(after_kill()); }
  static sbc::Binding binding(const std::string& user) { return binding_of(user, acl::Clock::now()); }

  std::unique_ptr<sbc::Engine> engine() {
    sbc::EngineOptions options;
    options.listeners = listeners_;
    options.pbx.addresses = {{address("10.0.0.5"), 15060}};
    options.pbx.bind = sbc::Endpoint{address("10.0.0.2"), 5080};
    auto policy = std::get<std::shared_ptr<const acl::Policy>>(acl::Policy::compile({}, {}));
    return std::make_unique<sbc::Engine>(options, policy, sbc::Secrets{}, events_);
  }
  /// Ticks as the worker does until `done`; false if it never is.
  bool tick_until(StateTeller& teller, const sbc::Engine& engine, const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + patience;
    for (; !done(); now_ += std::chrono::seconds(1)) {
      if (std::chrono::steady_clock::now() >= end) return false;
      teller.tick(engine, now_);
      std::this_thread::yield();
    }
    return true;
  }

  std::vector<sbc::ListenerOptions> listeners_ = two_listeners();
  Silent events_;
  acl::TimePoint now_ = acl::Clock::now();  // of the ticks: it runs ahead, and never back
};

TEST_F(StateStoreTest, WhatIsCommittedOutlivesAKill) {
  const auto first = run();
  EXPECT_THAT(users(first->store.load(listeners_)), IsEmpty());
  first->teller.keep(binding("1001"), Urgency::at_once);
  first->teller.keep(sbc::DurableBan{address("192.0.2.9"), acl::TimePoint::max(), sbc::Cause::rule_ban});
  first->teller.keep(sbc::DurableTrust{address("203.0.113.7"), acl::Clock::now() + std::chrono::hours(1)}, Urgency::at_once);
  first->teller.keep(sbc::TokenTable::inward, 7, "content");
  EXPECT_THAT(users_after_kill(), IsEmpty());
  first->teller.commit();
  const sbc::DurableState state = after_kill();
  EXPECT_THAT(users(state), ElementsAre("1001"));
  EXPECT_THAT(state.bans, SizeIs(1));
  EXPECT_THAT(state.trust, SizeIs(1));
  EXPECT_THAT(state.contents, SizeIs(1));
  first->teller.forget(binding("1001"));
  first->teller.commit();
  EXPECT_THAT(users_after_kill(), IsEmpty());
  EXPECT_TRUE(first->store.durable());
  EXPECT_EQ(first->store.failures(), 0U);
}

TEST_F(StateStoreTest, AProlongationWaitsForTheNextTick) {
  const auto first = run();
  const auto engine = this->engine();
  first->store.load(listeners_);
  first->teller.keep(binding("1001"), Urgency::may_wait);
  first->teller.commit();
  EXPECT_THAT(users_after_kill(), IsEmpty());
  first->teller.tick(*engine, acl::Clock::now());
  EXPECT_THAT(users_after_kill(), ElementsAre("1001"));
}

TEST_F(StateStoreTest, NoMomentOfFoldingLosesAnything) {
  const auto first = run();
  const auto engine = this->engine();
  first->store.load(listeners_);
  first->store.start([](const sbc::Secrets&) {});
  std::vector<std::string> kept;
  for (int i = 0; i < 40; ++i) {
    kept.push_back(std::to_string(1000 + i));
    first->teller.keep(binding(kept.back()), Urgency::at_once);
    first->teller.commit();
    first->teller.tick(*engine, acl::Clock::now());
    if (i % 4 == 0) {
      EXPECT_THAT(users_after_kill(), testing::UnorderedElementsAreArray(kept));
    }
  }
  // The thread folds it all, and the spool becomes short again.
  EXPECT_TRUE(tick_until(first->teller, *engine, [&] { return content("spool.0").empty() && content("spool.1").empty(); }));
  EXPECT_THAT(users_after_kill(), testing::UnorderedElementsAreArray(kept));
}

TEST_F(StateStoreTest, ACleanEndKeepsWhatMayWait) {
  {
    const auto first = run();
    first->store.load(listeners_);
    first->store.start([](const sbc::Secrets&) {});
    first->teller.keep(binding("1001"), Urgency::may_wait);
  }
  EXPECT_THAT(users(run()->store.load(listeners_)), ElementsAre("1001"));
}

TEST_F(StateStoreTest, ABrokenDatabaseIsSetAsideAndSaid) {
  write("state.db", std::string(9000, 'x'));
  const auto next = run();
  EXPECT_THAT(users(next->store.load(listeners_)), IsEmpty());
  EXPECT_TRUE(next->store.durable());
  EXPECT_EQ(next->store.failures(), 1U);
  EXPECT_EQ(content("state.db.broken-1").size(), 9000U);
  next->teller.keep(binding("1001"), Urgency::at_once);
  next->teller.commit();
  EXPECT_THAT(users_after_kill(), ElementsAre("1001"));
  EXPECT_THAT(next->log.text(), testing::AllOf(HasSubstr(" error event=state"), HasSubstr("file=state.db"),
                                               HasSubstr("is broken: registrations"), HasSubstr("broken-1")));
}

TEST_F(StateStoreTest, OneThatCannotBeSetAsideIsNotSaidToBe) {
  write("state.db", std::string(9000, 'x'));
  for (const char* name : {"state.db.broken-1", "state.db.broken-2", "state.db.broken-3"}) fs::create_directories(folder() / name / "full");
  const auto next = run();
  EXPECT_THAT(users(next->store.load(listeners_)), IsEmpty());
  EXPECT_FALSE(next->store.durable());
  EXPECT_EQ(content("state.db").size(), 9000U);
  EXPECT_THAT(next->log.text(),
              testing::AllOf(HasSubstr("file is not a database"), HasSubstr("cannot be written"), Not(HasSubstr("broken-1"))));
}

TEST_F(StateStoreTest, ABrokenDatabaseDoesNotTakeTheSpoolWithIt) {
  const auto first = run();
  first->store.load(listeners_);
  first->teller.keep(binding("1001"), Urgency::at_once);
  first->teller.commit();
  write("state.db", "no database");
  EXPECT_THAT(users_after_kill(), ElementsAre("1001"));
}

TEST_F(StateStoreTest, ATornSpoolIsReadUpToTheTear) {
  const auto first = run();
  first->store.load(listeners_);
  first->teller.keep(binding("1001"), Urgency::at_once);
  first->teller.commit();
  first->teller.keep(binding("1002"), Urgency::at_once);
  first->teller.commit();
  const std::string whole = content("spool.0");
  write("spool.0", whole.substr(0, whole.size() - 3));
  EXPECT_THAT(users_after_kill(), ElementsAre("1001"));
}

TEST_F(StateStoreTest, ANewerVersionsStateIsNotTouched) {
  {
    const auto first = run();
    first->store.load(listeners_);
    first->teller.keep(binding("1001"), Urgency::at_once);
  }
  std::string database = content("state.db");
  database[63] = 9;  // user_version, the last byte of it
  write("state.db", database);
  const std::string spool = content("spool.0");
  ASSERT_FALSE(spool.empty());
  const auto next = run();
  EXPECT_THAT(users(next->store.load(listeners_)), IsEmpty());
  EXPECT_FALSE(next->store.keeps());
  EXPECT_FALSE(next->store.durable());
  next->teller.keep(binding("1002"), Urgency::at_once);
  next->teller.commit();
  EXPECT_EQ(content("state.db"), database);
  EXPECT_EQ(content("spool.0"), spool);
  EXPECT_THAT(next->log.text(), HasSubstr("newer Postern"));
}

TEST_F(StateStoreTest, AFolderIsForOne) {
  const auto first = run();
  first->store.load(listeners_);
  first->teller.keep(binding("1001"), Urgency::at_once);
  first->teller.commit();
  const auto second = run();
  EXPECT_THAT(users(second->store.load(listeners_)), IsEmpty());
  EXPECT_FALSE(second->store.keeps());
  EXPECT_THAT(users_after_kill(), ElementsAre("1001"));
  EXPECT_THAT(second->log.text(), HasSubstr("another Postern"));
}

TEST_F(StateStoreTest, HostileEntriesAreLeftOutAndSaid) {
  const auto first = run();
  first->store.load(listeners_);
  sbc::Binding hostile = binding("1002");
  hostile.contact_uri = "sip:x\r\nVia: y";
  first->teller.keep(hostile, Urgency::at_once);
  first->teller.keep(binding("1001"), Urgency::at_once);
  first->teller.commit();
  EXPECT_THAT(users_after_kill(), ElementsAre("1001"));
}

/// Files of this process may not grow, as on a full disk, as long as it lives.
class FullDisk {
 public:
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &limits_), 0);
    rlimit none = limits_;
    none.rlim_cur = 0;
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~FullDisk() { EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limits_), 0); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit limits_{};
};

TEST_F(StateStoreTest, AfterAFullDiskAllThatStandsIsKeptAgain) {
  const auto first = run();
  const auto engine = this->engine();
  first->store.load(listeners_);
  engine->tell(first->teller);
  first->store.start([](const sbc::Secrets&) {});
  sbc::DurableState before;
  before.bindings = {binding("1001"), binding("1002")};
  engine->restore(before, acl::Clock::now());  // told, since the engine tells already
  first->teller.commit();

  auto full = std::make_unique<FullDisk>();
  sbc::DurableState more;
  more.bindings = {binding("1003")};
  engine->restore(more, acl::Clock::now());
  first->teller.commit();
  EXPECT_FALSE(first->store.durable());
  EXPECT_GE(first->store.failures(), 1U);
  const std::uint64_t failures = first->store.failures();
  first->teller.keep(binding("1004"), Urgency::at_once);
  first->teller.commit();
  EXPECT_EQ(first->store.failures(), failures) << "it is not tried for each change";
  full.reset();

  EXPECT_TRUE(tick_until(first->teller, *engine, [&] { return first->store.durable(); }));
  EXPECT_THAT(users_after_kill(), testing::UnorderedElementsAre("1001", "1002", "1003"));
  const std::string log = first->log.text();
  EXPECT_THAT(log, HasSubstr("cannot be written"));
  EXPECT_THAT(log, HasSubstr("all that stands is kept"));
}

/// Of two workers one is late, and the disk is full again when it comes to tell its part.
TEST_F(StateStoreTest, ItIsWholeOnceEachTellerHasToldAllAgain) {
  const auto first = run();
  StateTeller late(first->store);
  late.apply(listeners_);
  const auto engine = this->engine();
  const auto late_engine = this->engine();
  first->store.load(listeners_);
  engine->tell(first->teller);
  late_engine->tell(late);
  const auto restored = [&](sbc::Engine& into, StateTeller& teller, const char* user) {
    sbc::DurableState more;
    more.bindings = {binding(user)};
    into.restore(more, acl::Clock::now());
    teller.commit();
  };
  const auto first_tells_all = [&] {
    ASSERT_TRUE(tick_until(first->teller, *engine, [&] { return first->store.writing(); }));
    for (int i = 0; i < 8; ++i) first->teller.tick(*engine, now_ += std::chrono::seconds(1));
  };
  restored(*engine, first->teller, "1001");
  restored(*late_engine, late, "1002");
  EXPECT_TRUE(first->store.durable());
  {
    const FullDisk full;
    restored(*engine, first->teller, "1003");
    restored(*late_engine, late, "1004");
  }
  first_tells_all();
  EXPECT_FALSE(first->store.durable()) << "the late one has told nothing yet";
  EXPECT_THAT(users_after_kill(), testing::IsSupersetOf({"1001", "1002"})) << "what was kept is not lost while it is told again";
  {
    const FullDisk full;
    EXPECT_TRUE(tick_until(late, *late_engine, [&] { return !first->store.writing(); }));
  }
  first_tells_all();
  EXPECT_FALSE(first->store.durable()) << "that of before does not count";
  EXPECT_TRUE(tick_until(late, *late_engine, [&] { return first->store.durable(); }));
  EXPECT_THAT(users_after_kill(), testing::UnorderedElementsAre("1001", "1002", "1003", "1004"));
}

TEST_F(StateStoreTest, ADatabaseThatIsLostWhileItRunsIsMadeAnew) {
  const auto first = run();
  const auto engine = this->engine();
  first->store.load(listeners_);
  engine->tell(first->teller);
  first->store.start([](const sbc::Secrets&) {});
  sbc::DurableState before;
  before.bindings = {binding("1001"), binding("1002")};
  engine->restore(before, acl::Clock::now());
  first->teller.commit();
  ASSERT_TRUE(tick_until(first->teller, *engine, [&] { return content("spool.0").empty() && content("spool.1").empty(); }));
  fs::remove(folder() / "state.db");
  EXPECT_TRUE(tick_until(first->teller, *engine, [&] {
    first->teller.keep(binding("1003"), Urgency::at_once);
    first->teller.commit();
    return users_after_kill().size() == 3;
  }));
}

TEST_F(StateStoreTest, StrangersLongContactsFillNoDisk) {
  const auto first = run();
  first->store.load(listeners_);
  const std::string text(10'000, 'x');
  for (std::uint64_t key = 0; key < 1000; ++key) first->teller.keep(sbc::TokenTable::inward, key, text);
  first->teller.commit();
  EXPECT_LT(content("spool.0").size(), 400'000U);
}

}  // namespace
}  // namespace postern::net
