#include "sbc/net/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "sbc/net/escape.hpp"

namespace postern::net {
namespace {

using testing::HasSubstr;
using testing::Not;

/// What a log of these options writes to its stream.
std::string written(const LogOptions& options, const std::function<void(Log&)>& act) {
  char* data = nullptr;
  std::size_t size = 0;
  std::FILE* stream = ::open_memstream(&data, &size);
  {
    Log log(options, stream);
    act(log);
  }
  std::fclose(stream);
  std::string out(data, size);
  std::free(data);  // NOLINT(cppcoreguidelines-no-malloc): open_memstream(3) asks for it
  return out;
}

std::string text_value(std::string_view raw) {
  std::string out;
  append_text_value(out, raw);
  return out;
}

sbc::Event ban() {
  sbc::Event event;
  event.kind = sbc::EventKind::ban;
  event.reason = sbc::Outcome::rule_ban;
  event.rule = "builtin scanners";
  event.source = {*acl::Address::parse("203.0.113.9"), 5060};
  event.country = "NO";
  event.user_agent = "friendly-scanner\" source=192.0.2.1\r\nevent=start";
  event.method = "OPTIONS";
  event.duration = std::chrono::hours(1);
  return event;
}

TEST(Escape, QuotesWhatIsNotPlain) {
  EXPECT_EQ(text_value("rule_ban"), "rule_ban");
  EXPECT_EQ(text_value("203.0.113.9:5060"), "203.0.113.9:5060");
  EXPECT_EQ(text_value("[2001:db8::1]:5060"), "[2001:db8::1]:5060");
  EXPECT_EQ(text_value("two words"), "\"two words\"");
  EXPECT_EQ(text_value("a=b"), "\"a=b\"");
  EXPECT_EQ(text_value(""), "\"\"");
  EXPECT_EQ(text_value("a\"b\\c"), R"("a\"b\\c")");
}

TEST(Escape, LetsNoControlCharacterThrough) {
  EXPECT_EQ(text_value("a\r\n\tb"), R"("a\r\n\tb")");
  EXPECT_EQ(text_value(std::string_view("\0\x1b[2J\x7f", 6)), R"("\x00\x1b[2J\x7f")");
  for (int c = 0; c < 256; ++c) {
    for (const char out : text_value(std::string(1, static_cast<char>(c)))) {
      EXPECT_GE(out, ' ') << c;
      EXPECT_LT(out, 0x7f) << c;
    }
  }
}

TEST(Escape, KeepsUtf8AndEscapesWhatIsNot) {
  EXPECT_EQ(text_value("büro"), "\"büro\"");
  EXPECT_EQ(text_value("☎ 😀"), "\"☎ 😀\"");
  EXPECT_EQ(text_value("b\xfcro"), R"("b\xfcro")");
  EXPECT_EQ(text_value("\xc3"), R"("\xc3")");
  EXPECT_EQ(text_value("\xc0\x80"), R"("\xc0\x80")");                  // overlong
  EXPECT_EQ(text_value("\xe0\x80\x80"), R"("\xe0\x80\x80")");          // overlong
  EXPECT_EQ(text_value("\xed\xa0\x80"), R"("\xed\xa0\x80")");          // a surrogate
  EXPECT_EQ(text_value("\xf4\x90\x80\x80"), R"("\xf4\x90\x80\x80")");  // past U+10FFFF
  EXPECT_EQ(text_value("\xc2\x9b"), R"("\xc2\x9b")");                  // a C1 control: CSI
  EXPECT_EQ(text_value("\xe2\x80\xae"), R"("\xe2\x80\xae")");          // right-to-left override
  EXPECT_EQ(text_value("\xe2\x80\xa8"), R"("\xe2\x80\xa8")");          // line separator
}

TEST(Escape, CutsLongValues) {
  const std::string longest(max_logged_value, 'a');
  EXPECT_EQ(text_value(longest), longest);
  EXPECT_EQ(text_value(longest + "a"), longest + "...");
  EXPECT_EQ(text_value(std::string(max_logged_value * 10, '\x01')).size(), max_logged_value * 4 + 5);
  EXPECT_EQ(cut_value(longest + "a"), longest + "...");
}

TEST(Log, WritesOneTextLineForAnEvent) {
  const std::string text = written({LogFormat::text, LogLevel::info}, [](Log& log) { log.on_event(ban()); });
  const std::string line =
      R"re(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning event=ban reason=rule_ban rule="builtin scanners" source=203\.0\.113\.9:5060 )re"
      R"re(country=NO duration_s=3600 method=OPTIONS user_agent="friendly-scanner\\" source=192\.0\.2\.1\\r\\nevent=start"\n)re";
  EXPECT_TRUE(RE2::FullMatch(text, line)) << text;
}

TEST(Log, WritesOneJsonObjectForAnEvent) {
  const std::string text = written({LogFormat::json, LogLevel::info}, [](Log& log) { log.on_event(ban()); });
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto object = nlohmann::json::parse(text);
  EXPECT_EQ(object.at("level"), "warning");
  EXPECT_EQ(object.at("event"), "ban");
  EXPECT_EQ(object.at("rule"), "builtin scanners");
  EXPECT_EQ(object.at("duration_s"), 3600);
  EXPECT_EQ(object.at("user_agent"), ban().user_agent);
  EXPECT_TRUE(RE2::FullMatch(object.at("time").get<std::string>(), R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"));
  EXPECT_FALSE(object.contains("call_id"));
}

TEST(Log, JsonSurvivesWhatIsNotUtf8) {
  sbc::Event event = ban();
  event.user_agent = "\xff\x1b\"";
  const std::string text = written({LogFormat::json, LogLevel::info}, [&](Log& log) { log.on_event(event); });
  EXPECT_EQ(nlohmann::json::parse(text).at("user_agent"), "\xef\xbf\xbd\x1b\"");
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  const auto act = [](Log& log) {
    sbc::Event event;
    event.kind = sbc::EventKind::refused_other;
    event.reason = sbc::Outcome::rule_drop;
    event.method = "OPTIONS";
    log.on_event(event);
    event.kind = sbc::EventKind::refused;
    event.method = "REGISTER";
    log.on_event(event);
    log.on_event(ban());
  };
  EXPECT_THAT(written({LogFormat::text, LogLevel::debug}, act), HasSubstr("debug event=refused reason=rule_drop method=OPTIONS"));
  const std::string info = written({LogFormat::text, LogLevel::info}, act);
  EXPECT_THAT(info, HasSubstr("info event=refused reason=rule_drop method=REGISTER"));
  EXPECT_THAT(info, Not(HasSubstr("event=refused reason=rule_drop method=OPTIONS")));
  EXPECT_THAT(written({LogFormat::text, LogLevel::warning}, act), Not(HasSubstr("event=refused")));
  EXPECT_EQ(written({LogFormat::text, LogLevel::error}, act), "");
}

TEST(Log, NamesEveryKindOfEvent) {
  using sbc::EventKind;
  const std::vector<std::pair<EventKind, std::string>> kinds = {{EventKind::refused, "refused"},
                                                                {EventKind::would_refuse, "would_refuse"},
                                                                {EventKind::ban, "ban"},
                                                                {EventKind::refused_other, "refused"},
                                                                {EventKind::unban, "unban"},
                                                                {EventKind::registered, "registered"},
                                                                {EventKind::unregistered, "unregistered"},
                                                                {EventKind::redirect_blocked, "redirect_blocked"},
                                                                {EventKind::call_prefixes, "call_prefixes"},
                                                                {EventKind::answer_concealed, "answer_concealed"},
                                                                {EventKind::opaque_not_returned, "opaque_not_returned"},
                                                                {EventKind::callers_hidden, "callers_hidden"},
                                                                {EventKind::no_audio_likely, "no_audio_likely"}};
  for (const auto& [kind, word] : kinds) {
    sbc::Event event;
    event.kind = kind;
    event.count = 7;
    const std::string text = written({LogFormat::text, LogLevel::debug}, [&](Log& log) { log.on_event(event); });
    EXPECT_THAT(text, HasSubstr("event=" + word + " count=7\n"));
    event.kind = EventKind::suppressed;
    event.of = kind;
    const std::string summary = written({LogFormat::text, LogLevel::debug}, [&](Log& log) { log.on_event(event); });
    EXPECT_THAT(summary, HasSubstr("event=suppressed of=" + word + " count=7\n"));
  }
}

TEST(Log, ASummaryIsAsLoudAsWhatItStandsFor) {
  sbc::Event event;
  event.kind = sbc::EventKind::suppressed;
  event.of = sbc::EventKind::refused_other;
  EXPECT_EQ(written({LogFormat::text, LogLevel::info}, [&](Log& log) { log.on_event(event); }), "");
  event.of = sbc::EventKind::refused;
  EXPECT_THAT(written({LogFormat::text, LogLevel::info}, [&](Log& log) { log.on_event(event); }), HasSubstr("info event=suppressed"));
}

TEST(Log, AChangeOfFormatLeavesWhatIsQueuedAsItWas) {
  const std::string out = written({}, [](Log& log) {
    log.write(LogLevel::info, "one", {});
    log.write(LogLevel::debug, "unseen", {});
    log.apply({LogFormat::json, LogLevel::debug});
    log.write(LogLevel::debug, "two", {});
    log.apply({LogFormat::text, LogLevel::error});
    log.write(LogLevel::info, "unseen", {});
    log.write(LogLevel::error, "three", {});
  });
  EXPECT_TRUE(RE2::FullMatch(
      out, "\\S+Z info event=one\n\\{\"time\":\"\\S+Z\",\"level\":\"debug\",\"event\":\"two\"\\}\n\\S+Z error event=three\n"))
      << out;
}

}  // namespace
}  // namespace postern::net
