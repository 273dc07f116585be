// Certificates and keys as an operator has them, and TLS with them.
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>

#include "sbc/net/start_error.hpp"
#include "tests/sbc_net/stream_support.hpp"

namespace postern::net::test {
namespace {

using sbc::Transport;
using testing::HasSubstr;
using testing::IsEmpty;

class CertificateTest : public testing::Test {
 protected:
  /// All problems, a line each; a warning begins with "warning: ".
  std::string problems() {
    std::vector<TlsProblem> found;
    const bool loaded = TlsContext::load(options_, std::chrono::system_clock::now(), found) != nullptr;
    std::string text;
    bool fatal = false;
    for (const TlsProblem& problem : found) {
      text += (problem.fatal ? "" : "warning: ") + problem.key + ": " + problem.message + "\n";
      fatal = fatal || problem.fatal;
    }
    EXPECT_EQ(loaded, !fatal);
    return text;
  }

  Folder folder_;
  Identity server_{"sbc.test"};
  sbc::TlsOptions options_{folder_.write("c.pem", server_.certificate()), folder_.write("k.pem", server_.key()), {}, {}};
};

TEST_F(CertificateTest, AGoodOne) { EXPECT_THAT(problems(), IsEmpty()); }

TEST_F(CertificateTest, AFileThatIsNotThereOrIsSomethingElse) {
  const sbc::TlsOptions good = options_;
  options_.certificate = "/nowhere/c.pem";
  EXPECT_THAT(problems(), HasSubstr("certificate: cannot open /nowhere/c.pem: No such file"));
  options_.certificate = good.private_key;
  EXPECT_THAT(problems(), HasSubstr("holds no certificate in PEM: it holds a private key: are `certificate` and `private_key` swapped?"));
  options_ = good;
  options_.private_key = good.certificate;
  EXPECT_THAT(problems(), HasSubstr("private_key: " + good.certificate +
                                    " holds no private key in PEM: it holds a certificate: are `certificate` and `private_key` swapped?"));
  options_ = good;
  options_.client_ca = good.private_key;
  EXPECT_THAT(problems(), HasSubstr("client_ca: " + good.private_key + " holds no certificate in PEM"));
}

TEST_F(CertificateTest, AKeyOfAnotherOrUnderAPassword) {
  options_.private_key = folder_.write("other.pem", Identity("other").key());
  EXPECT_THAT(problems(), HasSubstr("is not the key of the certificate"));
  options_.private_key = folder_.write("locked.pem", server_.key("secret"));
  EXPECT_THAT(problems(), HasSubstr("is protected by a password"));
}

TEST_F(CertificateTest, WarnsBeforeAndAfterItsEnd) {
  const auto with_end = [&](std::chrono::seconds ends_in) {
    const Identity own("sbc.test", ends_in);
    options_.certificate = folder_.write("c.pem", own.certificate());
    options_.private_key = folder_.write("k.pem", own.key());
    return problems();
  };
  EXPECT_THAT(with_end(std::chrono::hours(24 * 15)), IsEmpty());
  EXPECT_THAT(with_end(std::chrono::hours(24 * 13)), HasSubstr("warning: certificate: "));
  EXPECT_THAT(with_end(std::chrono::hours(24 * 13)), HasSubstr(" expires on 20"));
  EXPECT_THAT(with_end(std::chrono::hours(-1)), HasSubstr(" expired on 20"));
}

TEST_F(CertificateTest, TellsWhatItIsFor) {
  const auto load = [&](const char* also) {
    const Identity own("sbc.test", std::chrono::hours(24 * 90), nullptr, also);
    options_.certificate = folder_.write("c.pem", own.certificate());
    options_.private_key = folder_.write("k.pem", own.key());
    std::vector<TlsProblem> found;
    return TlsContext::load(options_, std::chrono::system_clock::now(), found);
  };
  const auto named = load("DNS:sbc.test,DNS:*.phones.test");
  EXPECT_TRUE(named->is_for("sbc.test"));
  EXPECT_TRUE(named->is_for("one.phones.test"));
  EXPECT_FALSE(named->is_for("other.test"));
  EXPECT_FALSE(named->is_for("192.0.2.1"));
  EXPECT_FALSE(named->is_for_an_address());
  EXPECT_FALSE(load(nullptr)->is_for_an_address());
  const auto numbered = load("IP:192.0.2.1,IP:2001:db8::1");
  EXPECT_TRUE(numbered->is_for("192.0.2.1"));
  EXPECT_TRUE(numbered->is_for("2001:db8::1"));
  EXPECT_FALSE(numbered->is_for("192.0.2.2"));
  EXPECT_TRUE(numbered->is_for_an_address());
}

/// A client of TLS that does not block.
class TlsClient {
 public:
  explicit TlsClient(const sbc::Endpoint& to, const Identity* own = nullptr, int version = 0)
      : tcp_(to), context_(SSL_CTX_new(TLS_client_method())), ssl_(nullptr) {
    SSL_CTX_set_max_proto_version(context_.get(), version);
    if (own != nullptr) {
      SSL_CTX_use_certificate(context_.get(), own->native());
      SSL_CTX_use_PrivateKey(context_.get(), own->native_key());
    }
    ssl_.reset(SSL_new(context_.get()));
    ::fcntl(tcp_.fd(), F_SETFL, O_NONBLOCK);
    SSL_set_fd(ssl_.get(), tcp_.fd());
    SSL_set_connect_state(ssl_.get());
  }
  /// Goes on with the handshake; true: it is done.
  bool connect() {
    ERR_clear_error();
    return SSL_do_handshake(ssl_.get()) == 1;
  }
  bool send(const std::string& text) {
    return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
  }
  /// False: it has ended.
  bool read() {
    std::array<char, 20000> buffer{};
    ERR_clear_error();
    int got = 0;
    while ((got = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()))) > 0)
      received.append(buffer.data(), static_cast<std::size_t>(got));
    return SSL_get_error(ssl_.get(), got) == SSL_ERROR_WANT_READ;
  }
  [[nodiscard]] SSL* native() const { return ssl_.get(); }
  [[nodiscard]] std::string peer_certificate() const {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), SSL_get0_peer_certificate(ssl_.get()));
    return text_of(bio);
  }

  std::string received;

 private:
  Client tcp_;
  std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeBy<SSL_free>> ssl_;
};

class TlsTest : public StreamsTest {
 protected:
  void listen(const Identity& server, const std::string& client_ca = {}, sbc::TlsOptions::Version version = {}) {
    auto options = slots_.empty() ? listener(Transport::tls) : slots_[0];
    options.tls = sbc::TlsOptions{folder_.write("c.pem", server.certificate()), folder_.write("k.pem", server.key()), client_ca, version};
    open({options});
  }
  bool connects(TlsClient& client) {
    return run_until([&] { return client.connect(); });
  }

  Folder folder_;
  Identity server_{"sbc.test"};
};

TEST_F(TlsTest, CarriesMessagesBothWays) {
  listen(server_);
  TlsClient client(door());
  ASSERT_TRUE(connects(client));
  client.send(message(30'000) + message());
  ASSERT_TRUE(run_until([&] { return script_.messages.size() == 2; }));
  EXPECT_EQ(script_.messages[0], message(30'000));
  EXPECT_EQ(script_.flows[0].transport, Transport::tls);
  std::string sent;
  for (int i = 0; streams_->reserved() == 0 && i < 1000; ++i) {
    sent += std::string(20'000, static_cast<char>('a' + i % 26));
    streams_->send(script_.flows[0], std::string_view(sent).substr(sent.size() - 20'000));
  }
  EXPECT_GT(streams_->reserved(), 0U) << "the system took everything";
  ASSERT_TRUE(run_until([&] { return client.read() && client.received.size() == sent.size(); }));
  EXPECT_TRUE(client.received == sent);
}

TEST_F(TlsTest, ResumesASession) {
  listen(server_);
  TlsClient first(door());
  ASSERT_TRUE(connects(first));
  first.send("\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return first.read() && !first.received.empty(); })) << "the ticket comes before it";
  SSL_SESSION* session = SSL_get1_session(first.native());
  TlsClient second(door());
  SSL_set_session(second.native(), session);
  SSL_SESSION_free(session);
  ASSERT_TRUE(connects(second));
  EXPECT_EQ(SSL_session_reused(second.native()), 1);
}

TEST_F(TlsTest, SpeaksTheVersionsThatItMay) {
  listen(server_);
  TlsClient old(door(), nullptr, TLS1_2_VERSION);
  EXPECT_TRUE(connects(old));
  TlsClient older(door(), nullptr, TLS1_1_VERSION);
  older.connect();
  EXPECT_TRUE(ended(ConnectionEnd::handshake_failed));
  listen(server_, {}, sbc::TlsOptions::Version::tls_1_3);
  TlsClient now_too_old(door(), nullptr, TLS1_2_VERSION);
  now_too_old.connect();
  EXPECT_TRUE(ended(ConnectionEnd::handshake_failed, 2));
}

TEST_F(TlsTest, ClientsNeedTheirCertificateWhereOneIsAskedFor) {
  const Identity authority("authority"), phone("phone", std::chrono::hours(24), &authority), stranger("phone");
  listen(server_, folder_.write("ca.pem", authority.certificate()));
  TlsClient none(door()), wrong(door(), &stranger);
  for (TlsClient* client : {&none, &wrong}) EXPECT_TRUE(run_until([&] { return client->connect() && !client->read(); }));
  EXPECT_TRUE(ended(ConnectionEnd::handshake_failed, 2));
  TlsClient right(door(), &phone);
  ASSERT_TRUE(connects(right));
  right.send(message());
  EXPECT_TRUE(run_until([&] { return script_.messages.size() == 1; }));
}

TEST_F(TlsTest, AnotherCertificateIsForNewConnectionsAlone) {
  listen(server_);
  TlsClient before(door());
  ASSERT_TRUE(connects(before));
  const Identity renewed("sbc.test");
  listen(renewed);
  TlsClient after(door());
  ASSERT_TRUE(connects(after));
  EXPECT_EQ(before.peer_certificate(), server_.certificate());
  EXPECT_EQ(after.peer_certificate(), renewed.certificate());
  before.send(message());
  EXPECT_TRUE(run_until([&] { return script_.messages.size() == 1; }));
}

TEST_F(TlsTest, ABadCertificateIsNamedAndTheOldStays) {
  listen(server_);
  auto slots = slots_;
  slots[0].tls->private_key = folder_.write("other.pem", Identity("other").key());
  try {
    static_cast<void>(streams_->open(slots, slots_));
    ADD_FAILURE() << "it was taken";
  } catch (const StartError& error) {
    EXPECT_EQ(error.key(), "listeners[0].tls.private_key");
  }
  TlsClient client(door());
  EXPECT_TRUE(connects(client));
}

TEST_F(TlsTest, TakesAPortOverFromTcp) {
  open({listener(Transport::tcp)});
  Client plain(door());
  ASSERT_TRUE(run_until([&] { return connections() == 1; }));
  auto tcp = slots_[0];
  auto tls = tcp;
  tcp.open = false;
  tls.transport = Transport::tls;
  tls.tls = sbc::TlsOptions{folder_.write("c.pem", server_.certificate()), folder_.write("k.pem", server_.key()), {}, {}};
  open({tcp, tls});
  TlsClient client(door(1));
  ASSERT_TRUE(connects(client));
  plain.send(message());
  EXPECT_TRUE(run_until([&] { return script_.messages.size() == 1; })) << "who was connected goes on";
}

TEST_F(TlsTest, WhatIsNoTlsIsCutOff) {
  listen(server_);
  Client plain(door());
  plain.send(message());
  EXPECT_TRUE(ends(plain));
  EXPECT_TRUE(ended(ConnectionEnd::handshake_failed));
  EXPECT_TRUE(script_.messages.empty());
}

TEST_F(TlsTest, AHandshakeThatDoesNotEndIsCutOff) {
  with_times({.handshake = std::chrono::milliseconds(50)});
  listen(server_);
  Client silent(door());
  EXPECT_TRUE(ends(silent));
  EXPECT_TRUE(ended(ConnectionEnd::handshake_timeout));
}

}  // namespace
}  // namespace postern::net::test
