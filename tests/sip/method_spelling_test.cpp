// A server may read a method without case or by its first letters (pjsip does both), where a rule that names REGISTER reads another method:
// "register" came in past `methods: [REGISTER]` and its limits. Such a method is answered 501 before any rule is asked.
#include <gtest/gtest.h>

#include "sip/method.hpp"

namespace postern::sip {
namespace {

TEST(MethodSpelling, WhatAServerCouldTakeForAKnownMethodIsRefused) {
  for (const char* token : {"register", "Register", "REGISTE", "Invite", "INVIT", "ack", "oPTIONS", "R"})
    EXPECT_FALSE(parser_takes_method(token)) << token;
}

TEST(MethodSpelling, OtherUnknownMethodsPass) {
  for (const char* token : {"REGISTERX", "NEWMETHOD", "RE%47IST%45R", "!interesting"}) EXPECT_TRUE(parser_takes_method(token)) << token;
}

}  // namespace
}  // namespace postern::sip
