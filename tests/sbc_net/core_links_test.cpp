// The connections to a PBX over TCP: what is sent while there is none, how often they are made, who else may connect.
#include "sbc/net/core_links.hpp"

#include <netinet/in.h>

#include <string>
#include <vector>

#include "tests/sbc_net/stream_support.hpp"

namespace postern::net::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A PBX's socket of TCP.
class FakePbx {
 public:
  explicit FakePbx(const char* address) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    SocketAddress name{};
    socklen_t length = fill(name, at(address));
    EXPECT_EQ(::bind(socket_.get(), &name.any, length), 0);
    EXPECT_EQ(::listen(socket_.get(), 16), 0);
    EXPECT_EQ(::getsockname(socket_.get(), &name.any, &length), 0);
    bound_ = endpoint_of(name);
  }
  /// Takes over who has connected; false: nobody.
  bool accept() {
    SocketAddress name{};
    socklen_t length = sizeof name;
    acl::FileDescriptor accepted(::accept4(socket_.get(), &name.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted) return false;
    link_ = std::move(accepted);
    peers.push_back(endpoint_of(name));
    received.clear();
    return true;
  }
  void hang_up() { link_.reset(); }
  /// Reads what is there into `received`.
  void read() {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(link_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) received.append(buffer.data(), static_cast<std::size_t>(got));
  }
  [[nodiscard]] const sbc::Endpoint& bound() const { return bound_; }

  std::string received;
  std::vector<sbc::Endpoint> peers;

 private:
  acl::FileDescriptor socket_, link_;
  sbc::Endpoint bound_;
};

class CoreLinksTest : public StreamsTest, public CoreLinkWatcher {
 protected:
  CoreLinksTest() {
    pbx_.addresses = {fake_.bound()};
    pbx_.transport = sbc::Transport::tcp;
    links_ = std::make_unique<CoreLinks>(io_, *streams_, *this, pbx_, at("127.0.0.1"));
    script_.kept = true;
    script_.on_core = [this](const sbc::Flow& flow) { return links_->on_connected(flow); };
    script_.on_core_end = [this](const sbc::Flow& flow, ConnectionEnd why) { links_->on_disconnected(flow, why); };
    streams_->start();
    links_->start();
  }
  ~CoreLinksTest() override { links_->stop(); }

  void on_linked(const sbc::Endpoint& pbx) override { linked_.push_back(pbx); }
  void on_unlinked(const sbc::Endpoint& pbx, const std::string& why) override {
    unlinked_.push_back(pbx);
    why_ = why;
  }
  [[nodiscard]] sbc::Flow to_pbx() const {
    sbc::Flow flow;
    flow.side = sbc::Side::core;
    flow.transport = sbc::Transport::tcp;
    flow.peer = fake_.bound();
    return flow;
  }
  bool connects(FakePbx& pbx) {
    return run_until([&] { return pbx.accept(); });
  }
  bool gets(FakePbx& pbx, std::string_view text) {
    return run_until([&] {
      pbx.read();
      return pbx.received == text;
    });
  }

  FakePbx fake_{"127.0.0.1"};
  sbc::PbxOptions pbx_;
  std::unique_ptr<CoreLinks> links_;
  std::vector<sbc::Endpoint> linked_, unlinked_;
  std::string why_;
};

TEST_F(CoreLinksTest, ConnectsFromItsOwnPortEachTime) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(connects(fake_));
    ASSERT_TRUE(run_until([&] { return linked_.size() == static_cast<std::size_t>(i) + 1; }));
    fake_.hang_up();
    ASSERT_TRUE(run_until([&] { return unlinked_.size() == static_cast<std::size_t>(i) + 1; }));
    EXPECT_EQ(why_, "the connection has ended: the PBX closed it");
  }
  EXPECT_THAT(fake_.peers, ElementsAre(links_->bound(), links_->bound(), links_->bound()));
}

TEST_F(CoreLinksTest, WhatIsSentWhileThereIsNoneGoesOverTheNext) {
  ASSERT_TRUE(connects(fake_));
  links_->send(to_pbx(), "first");
  EXPECT_TRUE(gets(fake_, "first"));
  fake_.hang_up();
  ASSERT_TRUE(run_until([&] { return unlinked_.size() == 1; }));
  links_->send(to_pbx(), "second");
  ASSERT_TRUE(connects(fake_));
  EXPECT_TRUE(gets(fake_, "second"));
}

TEST_F(CoreLinksTest, AFullPoolOfTheOthersDoesNotCutItOff) {
  ASSERT_TRUE(connects(fake_));
  ASSERT_TRUE(run_until([&] { return linked_.size() == 1; }));
  streams_->reserve(Streams::most_reserved + 1);
  const std::string large = message(30'000);
  links_->send(to_pbx(), large);
  EXPECT_TRUE(gets(fake_, large));
  EXPECT_THAT(unlinked_, IsEmpty());
  streams_->release(Streams::most_reserved + 1);
}

TEST_F(CoreLinksTest, ThePbxMayConnectAndIsTheSameEnd) {
  ASSERT_TRUE(connects(fake_));
  Client client(links_->bound());
  client.send(message());
  ASSERT_TRUE(run_until([&] { return script_.flows.size() == 1; }));
  EXPECT_EQ(script_.flows[0].side, sbc::Side::core);
  EXPECT_EQ(links_->end_of(script_.flows[0]), fake_.bound());
  Client stranger(links_->bound(), "127.0.0.9");
  EXPECT_TRUE(ends(stranger));
}

TEST_F(CoreLinksTest, AReloadConnectsToWhatIsNewAndLeavesWhatIsGone) {
  ASSERT_TRUE(connects(fake_));
  FakePbx other("127.0.0.2");
  pbx_.addresses = {other.bound()};
  links_->apply(pbx_, links_->prepare(pbx_));
  EXPECT_TRUE(connects(other));
  EXPECT_TRUE(run_until([&] {
    fake_.read();
    return script_.disconnected.size() == 1;
  }));
}

}  // namespace
}  // namespace postern::net::test
