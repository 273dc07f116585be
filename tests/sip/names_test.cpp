#include <gtest/gtest.h>

#include "sip/header_name.hpp"
#include "sip/method.hpp"

namespace postern::sip {
namespace {

TEST(Method, KnowsEachOfItsNamesAndNoOther) {
  for (std::size_t i = 0; i + 1 < method_count; ++i) {
    const auto method = static_cast<Method>(i);
    EXPECT_EQ(method_of(to_string(method)), method) << to_string(method);
  }
  for (const char* text : {"", "invite", "INVITEX", "INVIT", "RE%47IST%45R", "A", "PING", "other"}) {
    EXPECT_EQ(method_of(text), Method::other) << text;
  }
  EXPECT_EQ(to_string(Method::register_), "REGISTER");
  EXPECT_EQ(to_string(Method::other), "other");
}

TEST(HeaderName, KnowsEachOfItsNamesInAnyCase) {
  for (unsigned i = 1; i < static_cast<unsigned>(HeaderName::x_asterisk); ++i) {
    const auto name = static_cast<HeaderName>(i);
    std::string text(to_string(name));
    ASSERT_FALSE(text.empty()) << i;
    EXPECT_EQ(header_name_of(text), name) << text;
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(header_name_of(text), name) << text;
    text.push_back('x');
    EXPECT_EQ(header_name_of(text), HeaderName::unknown) << text;
  }
}

TEST(HeaderName, KnowsCompactForms) {
  const std::pair<const char*, HeaderName> compact[] = {{"i", HeaderName::call_id},
                                                        {"m", HeaderName::contact},
                                                        {"e", HeaderName::content_encoding},
                                                        {"l", HeaderName::content_length},
                                                        {"c", HeaderName::content_type},
                                                        {"f", HeaderName::from},
                                                        {"s", HeaderName::subject},
                                                        {"k", HeaderName::supported},
                                                        {"t", HeaderName::to},
                                                        {"v", HeaderName::via},
                                                        {"V", HeaderName::via},
                                                        {"o", HeaderName::event},
                                                        {"u", HeaderName::allow_events},
                                                        {"r", HeaderName::refer_to},
                                                        {"b", HeaderName::referred_by},
                                                        {"x", HeaderName::session_expires},
                                                        {"q", HeaderName::unknown}};
  for (const auto& [text, name] : compact) EXPECT_EQ(header_name_of(text), name) << text;
}

TEST(HeaderName, KnowsOurPrefixes) {
  EXPECT_EQ(header_name_of("X-Asterisk-HangupCause"), HeaderName::x_asterisk);
  EXPECT_EQ(header_name_of("x-postern-source"), HeaderName::x_postern);
  EXPECT_EQ(header_name_of("X-Other"), HeaderName::unknown);
  EXPECT_EQ(header_name_of("X-"), HeaderName::unknown);
  EXPECT_EQ(header_name_of(""), HeaderName::unknown);
}

}  // namespace
}  // namespace postern::sip
