#include "sbc/net/stream_framer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sbc/net/content_length.hpp"
#include "sip/prescreen.hpp"

namespace postern::net {
namespace {

using Kind = StreamFramer::Kind;
using testing::ElementsAre;
using testing::Pair;

std::string message(const std::string& length, const std::string& body) {
  return "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c\r\n" + length + "\r\n" + body;
}

/// All pieces, the octets given `size` at a time.
std::vector<std::pair<Kind, std::string>> pieces(const std::string& stream, std::size_t size) {
  StreamFramer framer;
  std::vector<std::pair<Kind, std::string>> found;
  std::string held;
  for (std::size_t at = 0; at < stream.size(); at += size) {
    held += stream.substr(at, size);
    while (!held.empty()) {
      const StreamFramer::Piece piece = framer.next(held);
      if (piece.kind == Kind::incomplete) break;
      found.emplace_back(piece.kind, piece.bytes);
      if (piece.kind == Kind::broken) return found;
      held.erase(0, piece.bytes.size());
    }
  }
  return found;
}

TEST(StreamFramer, MessagesOneBehindTheOtherHoweverTheyAreCut) {
  const std::string one = message("Content-Length: 4\r\n", "\r\n\r\n");
  const std::string two = message("l : 0\r\n", "");
  for (const std::size_t size : {1UL, 2UL, 3UL, 7UL, 64UL, 1000UL}) {
    EXPECT_THAT(pieces(one + two + one, size), ElementsAre(Pair(Kind::message, one), Pair(Kind::message, two), Pair(Kind::message, one)))
        << size;
  }
}

TEST(StreamFramer, FourOctetsOfLineEndsAreAPing) {
  const std::string text = message("Content-Length: 0\r\n", "");
  EXPECT_THAT(pieces("\r\n\r\n", 4), ElementsAre(Pair(Kind::ping, "\r\n\r\n")));
  EXPECT_THAT(pieces("\r\n\r\n", 2), ElementsAre(Pair(Kind::keep_alive, "\r\n"), Pair(Kind::ping, "\r\n")));
  EXPECT_THAT(pieces("\r\n" + text + "\r\n" + text, 1000), ElementsAre(Pair(Kind::keep_alive, "\r\n"), Pair(Kind::message, text),
                                                                       Pair(Kind::keep_alive, "\r\n"), Pair(Kind::message, text)));
  EXPECT_THAT(pieces("\r\n\r\n\r\n\r\n", 1000), ElementsAre(Pair(Kind::ping, "\r\n\r\n"), Pair(Kind::ping, "\r\n\r\n")));
}

TEST(StreamFramer, ABodyNeedsAContentLength) {
  const std::string without = message("", "");
  EXPECT_THAT(pieces(without + "v=0\r\n", 1000), ElementsAre(Pair(Kind::broken, without)));
  for (const char* bad : {"Content-Length: x\r\n", "Content-Length: -1\r\n", "Content-Length: 1000000000\r\n", "Content-Length:\r\n",
                          "Content-Length: 99999999999999999999999\r\n", "Content-Length: 1\r\nl: 2\r\n", "Content-Length: 65535\r\n"}) {
    const auto found = pieces(message(bad, "v"), 1000);
    ASSERT_EQ(found.size(), 1U) << bad;
    EXPECT_EQ(found[0].first, Kind::broken) << bad;
  }
}

TEST(StreamFramer, AContinuedLineIsNoContentLength) {
  EXPECT_EQ(body_size("Subject: x\r\n Content-Length: 5\r\nContent-Length: 3"), 3U);
  EXPECT_EQ(body_size("Subject: x\r\n Content-Length: 5"), std::nullopt);
  EXPECT_EQ(body_size("Content-Length: 3\r\nl: 3"), 3U);
}

TEST(StreamFramer, WhatIsNoSipIsSeenAtOnce) {
  EXPECT_THAT(pieces("\x16\x03\x01", 1), ElementsAre(Pair(Kind::broken, "\x16"))) << "TLS";
  EXPECT_THAT(pieces("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1), ElementsAre(Pair(Kind::broken, "GET / HTTP/1.1\r\n"))) << "HTTP";
  EXPECT_THAT(pieces(std::string(3, '\0'), 3), ElementsAre(Pair(Kind::broken, std::string(3, '\0'))));
  EXPECT_THAT(pieces("OPTIONS sip:a@b SIP/3.0\r\nl: 0\r\n\r\n", 100), ElementsAre(Pair(Kind::message, testing::_))) << "answered 505";
}

TEST(StreamFramer, AHeaderSectionHasABound) {
  const std::string begin = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\nSubject: ";
  const std::size_t room = sip::Bounds::header_section - begin.size();
  const auto good = pieces(begin + std::string(room, 'x') + "\r\n\r\n", 1000);
  ASSERT_EQ(good.size(), 1U);
  EXPECT_EQ(good[0].first, Kind::message);
  const auto bad = pieces(begin + std::string(room + 1, 'x') + "\r\n\r\n", 1000);
  ASSERT_EQ(bad.size(), 1U);
  EXPECT_EQ(bad[0].first, Kind::broken);
}

}  // namespace
}  // namespace postern::net
