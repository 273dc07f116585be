#include "sip/dialled.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace postern::sip {
namespace {

std::string dialled(std::string_view uri) {
  std::array<char, 256> buffer{};
  return std::string(dialled_number(uri, buffer));
}

TEST(Dialled, NumbersAsAPbxTakesThem) {
  const std::array<std::array<std::string, 2>, 20> cases{{
      {"sip:112@sip.example.com", "112"},
      {"sips:112@sip.example.com:5061;transport=tls", "112"},
      {"sip:112:secret@sip.example.com", "112"},
      {"sip:112;phone-context=%2b44@sip.example.com", "112"},
      {"sip:1-1.2@sip.example.com", "112"},
      {"sip:(1)1%202@sip.example.com", "112"},
      {"sip:%31%31%32@sip.example.com", "112"},
      {"sip:%311%32;npdi@sip.example.com", "112"},
      {"sip:112%00900@sip.example.com", "112"},
      {"sip:1%2D1%2d2@sip.example.com", "112"},
      {"sip:+49112@sip.example.com", "+49112"},
      {"sip:112#@sip.example.com", "112#"},
      {"sip:sip.example.com", ""},
      {"sip:@sip.example.com", ""},
      {"tel:112", "112"},
      {"TEL:1-1-2;phone-context=+44", "112"},
      {"tel:", ""},
      {"mailto:112@example.com", ""},
      {"urn:service:sos", ""},
      {"", ""},
  }};
  for (const auto& [uri, number] : cases) EXPECT_EQ(dialled(uri), number) << uri;
}

TEST(Dialled, NoLongerThanTheBuffer) {
  std::array<char, 4> buffer{};
  EXPECT_EQ(dialled_number("sip:112@a", buffer), "112");
  EXPECT_EQ(dialled_number("sip:1-1-2-3-4-5-6@a", buffer), "") << "what is cut off is part of it";
  EXPECT_EQ(dialled("sip:" + std::string(255, '1') + "@a").size(), 255U);
  EXPECT_EQ(dialled("sip:" + std::string(256, '1') + "@a"), "");
  EXPECT_EQ(dialled("sip:1" + std::string(300, '-') + "900@a"), "");
  EXPECT_EQ(dialled("sip:%31" + std::string(300, '.') + "900@a"), "");
}

TEST(Dialled, UsersAsTheyStandThere) {
  EXPECT_EQ(dialled_user("sip:%31-1;npdi:secret@a;user=phone"), "%31-1;npdi");
  EXPECT_EQ(dialled_user("tel:+49-30;ext=1?Replaces=x"), "+49-30;ext=1");
  EXPECT_EQ(dialled_user("Tel:"), "");
  EXPECT_EQ(dialled_user("sip:a"), "");
  EXPECT_EQ(dialled_user("mailto:1@a"), "");
  std::array<char, 256> buffer{};
  EXPECT_EQ(dialled_number_of("0049 (30) 123-45.67", buffer), "0049301234567");
  EXPECT_EQ(dialled_number_of("(+49)%2030", buffer), "+4930");
  EXPECT_EQ(dialled_number_of("-.() ", buffer), "");
}

TEST(Dialled, EmergencyServices) {
  for (const char* urn : {"urn:service:sos", "urn:service:sos.fire", "URN:Service:SOS.police", "urn:service:sos.ecall.manual"})
    EXPECT_TRUE(is_sos_urn(urn)) << urn;
  for (const char* urn :
       {"urn:service:sosx", "urn:service:so", "urn:service:counseling", "urn:service:", "sip:urn:service:sos@a", "tel:112", ""})
    EXPECT_FALSE(is_sos_urn(urn)) << urn;
}

}  // namespace
}  // namespace postern::sip
