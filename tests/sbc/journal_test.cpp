#include "sbc/journal.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace postern::sbc {
namespace {

struct Sink : EventSink {
  void on_event(const Event& event) override { events.push_back(event); }
  std::vector<Event> events;
};

TEST(Journal, AFloodIsToldInOneLine) {
  Sink sink;
  Journal journal(sink);
  const acl::TimePoint start{std::chrono::hours{1}};
  int admitted = 0;
  for (int i = 0; i < 1000; ++i) admitted += journal.admits(EventKind::refused, Outcome::rule_drop, start) ? 1 : 0;
  EXPECT_EQ(admitted, 20);
  ASSERT_TRUE(journal.next_summary());
  journal.summarise(start);
  EXPECT_TRUE(sink.events.empty());
  journal.summarise(*journal.next_summary());
  ASSERT_EQ(sink.events.size(), 1U);
  EXPECT_EQ(sink.events[0].kind, EventKind::suppressed);
  EXPECT_EQ(sink.events[0].of, EventKind::refused);
  EXPECT_EQ(sink.events[0].reason, Outcome::rule_drop);
  EXPECT_EQ(sink.events[0].count, 980U);
  EXPECT_FALSE(journal.next_summary());
}

TEST(Journal, OneKindOfEventDoesNotSilenceAnother) {
  Sink sink;
  Journal journal(sink);
  const acl::TimePoint start{std::chrono::hours{1}};
  for (int i = 0; i < 100; ++i) (void)journal.admits(EventKind::refused, Outcome::rule_drop, start);
  EXPECT_TRUE(journal.admits(EventKind::refused, Outcome::rule_reject, start));
  EXPECT_TRUE(journal.admits(EventKind::ban, Outcome::rule_ban, start));
  EXPECT_TRUE(journal.admits(EventKind::refused, Outcome::rule_drop, start + std::chrono::seconds{1}));
}

TEST(Journal, EachKindThatWasSuppressedHasItsLine) {
  Sink sink;
  Journal journal(sink);
  const acl::TimePoint start{std::chrono::hours{1}};
  for (int i = 0; i < 77; ++i) (void)journal.admits(EventKind::registered, Outcome::forwarded, start);
  for (int i = 0; i < 21; ++i) (void)journal.admits(EventKind::unregistered, Outcome::forwarded, start);
  journal.summarise(start + std::chrono::seconds{10});
  ASSERT_EQ(sink.events.size(), 2U);
  EXPECT_EQ(sink.events[0].of, EventKind::registered);
  EXPECT_EQ(sink.events[0].count, 57U);
  EXPECT_EQ(sink.events[1].of, EventKind::unregistered);
  EXPECT_EQ(sink.events[1].count, 1U);
}

}  // namespace
}  // namespace postern::sbc
