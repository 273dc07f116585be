#include "sbc/commands/top_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::commands {
namespace {

using nlohmann::ordered_json;
using testing::Contains;
using testing::EndsWith;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

ordered_json histogram(std::vector<int> counts) { return {{"bounds", {0.001, 0.01, 4}}, {"counts", std::move(counts)}, {"sum", 1}}; }

ordered_json answer(double uptime, int factor) {
  return {{"time", "2026-01-01T12:00:00Z"},
          {"uptime_s", uptime},
          {"warnings", ordered_json::array()},
          {"received", 1000 * factor},
          {"forwarded", 20 * factor},
          {"answered", 0},
          {"refused", {{"rule_drop", 5 * factor}, {"banned", 900 * factor}}},
          {"would_refuse", ordered_json::object()},
          {"responses", {{"200", 10 * factor}, {"404", 3}}},
          {"registrations", 1234},
          {"calls", 2},
          {"bans", 3},
          {"blocks", 0},
          {"connections", {{"tcp", 0}, {"tls", 4}}},
          {"pbx", {{{"address", "10.0.0.5:5060"}, {"up", true}, {"heard", true}}}},
          {"pbx_response_seconds", histogram({0, 50 * factor, 50 * factor, 0})},
          {"forward_seconds", histogram({10, 0, 0, 0})},
          {"sources",
           {{{"address", "203.0.113.7"},
             {"country", "FR"},
             {"packets_per_second", 450.4},
             {"share", 0.9},
             {"refused", 1.0},
             {"outcome", "banned"}},
            {{"address", "192.0.2.1"},
             {"country", nullptr},
             {"packets_per_second", 10.25},
             {"share", 0.002},
             {"refused", 0.0},
             {"outcome", "forwarded"}}}},
          {"countries", {{{"country", "FR"}, {"share", 0.9}}, {{"country", "US"}, {"share", 0.001}}}},
          {"workers", {{{"messages", 1}, {"cpu_seconds", 0.5 * factor}, {"notes_waiting", 0}, {"notes_lost", 0}}}}};
}

ordered_json in_two_seconds() { return with_rates(answer(10, 1), answer(12, 3)); }

std::string text_of(const ordered_json& json) { return plain_text(view_of(json), false); }

TEST(TopRates, AreOfWhatLiesBetweenTwoAnswers) {
  const ordered_json rates = in_two_seconds()["rates"];
  EXPECT_EQ(rates["seconds"], 2);
  EXPECT_EQ(rates["received"], 1000);
  EXPECT_EQ(rates["forwarded"], 20);
  EXPECT_EQ(rates["refused"], ordered_json({{"rule_drop", 5.0}, {"banned", 900.0}}));
  EXPECT_EQ(rates["responses"], ordered_json({{"200", 10.0}, {"404", 0.0}}));
  EXPECT_EQ(rates["cpu"], ordered_json({0.5}));
  EXPECT_EQ(rates["pbx_response_seconds"], ordered_json({{"count", 200}, {"p50", 0.01}, {"p99", 4.0}}));
  EXPECT_EQ(rates["forward_seconds"], ordered_json({{"count", 0}, {"p50", nullptr}, {"p99", nullptr}}));
}

TEST(TopRates, WhatIsNewCountsFromNothing) {
  ordered_json before = answer(10, 1);
  before["refused"] = ordered_json::object();
  EXPECT_EQ(with_rates(before, answer(12, 1))["rates"]["refused"]["banned"], 450);
}

TEST(TopRates, ThereAreNoneAcrossARestartOrOfOneAnswer) {
  EXPECT_TRUE(with_rates(nullptr, answer(10, 1))["rates"].is_null());
  EXPECT_TRUE(with_rates(answer(10, 1), answer(3, 1))["rates"].is_null());
  EXPECT_TRUE(with_rates(answer(1, 3), answer(2, 1))["rates"].is_null()) << "it counts less than before";
}

TEST(TopView, TellsRatesReasonsAndSources) {
  const std::string text = text_of(in_two_seconds());
  EXPECT_THAT(text, StartsWith("postern  up for 0 min 12 s  2026-01-01T12:00:00Z\n"
                               "packets  received 1,000/s  forwarded 20/s  refused 905/s\n"
                               "now  registrations 1,234  calls 2  bans 3  blocked accounts 0  connections  tls 4\n"
                               "PBX  10.0.0.5:5060 up\n"
                               "PBX answers: half within 10 ms, 99 % within 4000 ms\n"
                               "Postern sends on: -  CPU 50 %\n"
                               "responses to phones   200 10/s\n"));
  EXPECT_THAT(text, HasSubstr("REFUSED    PER SECOND  SINCE THE START\n"
                              "banned            900            2,700\n"
                              "rule_drop           5               15\n"));
  EXPECT_THAT(text, EndsWith("countries  FR 90 %\n"
                             "SOURCE       COUNTRY  PER SECOND  SHARE  REFUSED  MOSTLY\n"
                             "203.0.113.7  FR              450   90 %    100 %  banned\n"
                             "192.0.2.1    -                10   <1 %      0 %  forwarded\n"));
}

TEST(TopView, LittleIsNotNothing) {
  ordered_json json = in_two_seconds();
  json["sources"][1]["packets_per_second"] = 0.03;
  EXPECT_THAT(text_of(json), EndsWith("192.0.2.1    -              <0.1   <1 %      0 %  forwarded\n"));
}

TEST(TopView, WarningsComeFirst) {
  ordered_json json = in_two_seconds();
  json["warnings"] = {"lockdown until 12:40"};
  json["pbx"][0]["up"] = false;
  const auto lines = view_of(json);
  EXPECT_EQ(lines.at(1).text, "!! lockdown until 12:40");
  EXPECT_EQ(lines.at(1).style, LineStyle::warning);
  EXPECT_THAT(text_of(json), HasSubstr("10.0.0.5:5060 DOWN"));
}

TEST(TopView, APbxThatHasSentNothingIsNotCalledUp) {
  ordered_json json = in_two_seconds();
  json["pbx"][0]["heard"] = false;
  EXPECT_THAT(text_of(json), HasSubstr("10.0.0.5:5060 not heard from yet"));
}

TEST(TopView, TheFirstAnswerHasNoRatesYet) {
  const std::string text = text_of(with_rates(nullptr, answer(10, 1)));
  EXPECT_THAT(text, HasSubstr("received -  forwarded -  refused -\n"));
  EXPECT_THAT(text, HasSubstr("banned              -              900\n"));
}

TEST(TopView, OnlySoManyReasonsAreShown) {
  ordered_json now = answer(12, 3);
  for (int i = 0; i < 10; ++i) now["refused"]["reason_" + std::to_string(i)] = i + 1;
  const std::string text = text_of(with_rates(answer(10, 1), now));
  EXPECT_THAT(text, HasSubstr("and 7 more\n"));
  EXPECT_THAT(text, Not(HasSubstr("reason_0")));
}

TEST(TopView, ShadowModeTellsWhatItWouldRefuse) {
  ordered_json now = answer(12, 3);
  now["would_refuse"] = {{"rule_ban", 40}};
  EXPECT_THAT(text_of(with_rates(answer(10, 1), now)),
              HasSubstr("ONLY COUNTED  PER SECOND  SINCE THE START\nrule_ban              20               40\n"));
}

TEST(TopView, WhatIsMostlyRefusedStandsOut) {
  const auto lines = view_of(in_two_seconds());
  const auto row = [](const char* begin, LineStyle style) {
    return Contains(testing::AllOf(Field(&ViewLine::text, StartsWith(begin)), Field(&ViewLine::style, style)));
  };
  EXPECT_THAT(lines, row("203.0.113.7", LineStyle::refused));
  EXPECT_THAT(lines, row("192.0.2.1", LineStyle::plain));
}

TEST(TopScreen, IsCutToItsSize) {
  const std::vector<ViewLine> lines{{"one two", LineStyle::plain}, {"th\xc3\xbcringen", LineStyle::plain}, {"three", LineStyle::plain}};
  EXPECT_EQ(screen_text(lines, {3, 2}, false), "\x1b[Hone\x1b[K\r\nth\xc3\xbc\x1b[K\x1b[J");
}

TEST(TopScreen, ColourIsOnlyWhereItIsWanted) {
  const std::vector<ViewLine> lines{{"bad", LineStyle::warning}, {"good", LineStyle::plain}};
  EXPECT_EQ(plain_text(lines, true), "\x1b[1;31mbad\x1b[0m\ngood\n");
  EXPECT_EQ(plain_text(lines, false), "bad\ngood\n");
}

TEST(TopScreen, NothingButTextReachesTheTerminal) {
  EXPECT_EQ(plain_text({{"a\x1b[2Jb\xff", LineStyle::plain}}, true), "a\\x1b[2Jb\\xff\n");
  EXPECT_THAT(screen_text({{"a\nb", LineStyle::plain}}, {80, 24}, false), HasSubstr("a\\x0ab"));
}

}  // namespace
}  // namespace postern::commands
