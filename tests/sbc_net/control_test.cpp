// The control socket: its place in the file system, and what it answers to whom.
#include "sbc/net/control.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "sbc/net/control_socket.hpp"
#include "sbc/net/start_error.hpp"

namespace postern::net {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-control-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string in(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class ControlFolder : public testing::Test {
 protected:
  [[nodiscard]] ControlOptions options() const { return {folder_.in("run/control.sock"), {}, true}; }
  [[nodiscard]] std::string problem() const { return ControlSocket(options()).problem(); }

  Folder folder_;
};

TEST_F(ControlFolder, IsMadeAndTheSocketIsForItsGroup) {
  {
    const ControlSocket socket(options());
    EXPECT_EQ(socket.state(), ControlSocket::State::open);
    EXPECT_EQ(socket.problem(), "");
    struct stat status{};
    ASSERT_EQ(::lstat(options().path.c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 07777U, 0660U);
    EXPECT_EQ(status.st_gid, ::getegid());
  }
  EXPECT_FALSE(std::filesystem::exists(options().path)) << "it is taken away at the end";
}

TEST_F(ControlFolder, ThatOthersMayWriteIntoIsNotUsed) {
  std::filesystem::create_directory(folder_.in("run"));
  for (const mode_t mode : {0775U, 0757U, 01777U}) {
    ASSERT_EQ(::chmod(folder_.in("run").c_str(), mode), 0);
    EXPECT_THAT(problem(), HasSubstr("others may write into the folder"));
    EXPECT_FALSE(std::filesystem::exists(options().path));
  }
}

TEST_F(ControlFolder, CannotBeMade) {
  std::ofstream(folder_.in("run")) << "a file";
  EXPECT_THAT(problem(), HasSubstr("is no folder"));
  ControlOptions deep = options();
  deep.path = folder_.in("no/such/control.sock");
  EXPECT_THAT(ControlSocket(deep).problem(), HasSubstr("cannot make the folder"));
  deep.path = folder_.in(std::string(200, 'x'));
  EXPECT_THAT(ControlSocket(deep).problem(), HasSubstr("is longer than the 107 bytes"));
}

TEST_F(ControlFolder, TheSocketOfADeadDaemonIsReplacedAndThatOfALivingOneIsNot) {
  const ControlSocket first(options());
  const ControlSocket second(options());
  EXPECT_EQ(second.state(), ControlSocket::State::taken);
  EXPECT_THAT(second.problem(), HasSubstr("another Postern listens on"));
  // Killed: the socket stands there, and nobody listens.
  const std::string dead = folder_.in("run/dead.sock");
  {
    asio::io_context io;
    const stream_protocol::acceptor killed(io, stream_protocol::endpoint(dead));
  }
  ASSERT_TRUE(std::filesystem::exists(dead));
  EXPECT_EQ(ControlSocket({dead, {}, true}).state(), ControlSocket::State::open);
}

TEST_F(ControlFolder, WhatIsNoSocketIsLeftAlone) {
  std::filesystem::create_directory(folder_.in("run"));
  std::ofstream(options().path) << "precious";
  EXPECT_THAT(problem(), HasSubstr("is no socket"));
  EXPECT_EQ(std::filesystem::file_size(options().path), 8U);
}

TEST_F(ControlFolder, WhatHasTakenItsPlaceIsNotTakenAway) {
  {
    const ControlSocket socket(options());
    std::filesystem::remove(options().path);
    std::ofstream(options().path) << "another's";
  }
  EXPECT_TRUE(std::filesystem::exists(options().path));
}

TEST_F(ControlFolder, AGroupThatThereIsNotLeavesTheSocketToItsOwn) {
  ControlOptions with_group = options();
  with_group.group = "no-such-group-here";
  const ControlSocket socket(with_group);
  EXPECT_EQ(socket.state(), ControlSocket::State::open);
  EXPECT_THAT(socket.problem(), HasSubstr("there is no group no-such-group-here"));
}

class ControlTest : public testing::Test {
 protected:
  ControlTest() : stream_(std::tmpfile()) {
    log_ = std::make_unique<Log>(LogOptions{}, stream_);
    control_ = std::make_unique<Control>(io_, options_, commands(), *log_);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~ControlTest() override {
    io_.stop();
    thread_.join();
    kept_.clear();
    control_.reset();
    log_.reset();
    static_cast<void>(std::fclose(stream_));
  }

  ControlCommands commands() {
    return {{"three", at_once([this](const ControlArguments&) {
               return [this, left = 3](std::string& out) mutable {
                 ++parts_;
                 out += "part\n";
                 return --left > 0;
               };
             })},
            {"later", [this](const ControlArguments&,
                             Answer answer) { asio::post(io_, [answer = std::move(answer)] { answer(whole_answer("\"at last\"")); }); }},
            {"kept", [this](const ControlArguments&, const Answer& answer) {
               kept_.push_back(answer);
               answer(whole_answer("\"kept\""));
             }}};
  }
  stream_protocol::socket connect() {
    stream_protocol::socket socket(client_);
    socket.connect(stream_protocol::endpoint(options_.path));
    return socket;
  }
  static std::string read_all(stream_protocol::socket& socket) {
    std::string out;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(out), error);
    return out;
  }
  std::string ask(const std::string& request) {
    auto socket = connect();
    boost::system::error_code ignored;  // a refusal may come before all is written
    asio::write(socket, asio::buffer(request), ignored);
    return read_all(socket);
  }

  Folder folder_;
  ControlOptions options_{folder_.in("control.sock"), {}, true};
  std::atomic<int> parts_ = 0;
  std::list<Answer> kept_;
  std::FILE* stream_;
  std::unique_ptr<Log> log_;
  asio::io_context io_;
  asio::io_context client_;
  std::unique_ptr<Control> control_;
  std::thread thread_;
};

TEST_F(ControlTest, AnswersPartByPartAndCloses) {
  EXPECT_EQ(ask("{\"command\": \"three\"}\n"), "part\npart\npart\n");
  EXPECT_EQ(parts_, 3);
  EXPECT_EQ(ask("{\"command\": \"three\", \"more\": [1]}\nand what comes behind the line is not read"), "part\npart\npart\n");
}

TEST_F(ControlTest, AnswersLater) { EXPECT_EQ(ask("{\"command\": \"later\"}\n"), "\"at last\"\n"); }

TEST_F(ControlTest, RefusesWhatIsNoRequest) {
  constexpr const char* hint = "{\"error\":\"a request is a line such as";
  for (const std::string request :
       {"\n", "three\n", "[]\n", "{\"command\": 3}\n", "{}\n", "{\"command\": \"three\"\n", "GET / HTTP/1.1\r\n", "\xff\xfe\x80\n"})
    EXPECT_THAT(ask(request), StartsWith(hint)) << request;
  EXPECT_THAT(ask(std::string(100, '[') + std::string(100, ']') + "\n"), StartsWith(hint));
  EXPECT_THAT(ask("{\"command\": \"no\\\"ne\"}\n"), HasSubstr("does not know the command no\\\"ne"));
  EXPECT_THAT(ask(std::string(Control::max_request, 'x') + "\n"), HasSubstr("the request is too long"));
  EXPECT_EQ(parts_, 0);
}

TEST_F(ControlTest, OneClientTooManyIsToldSo) {
  std::list<stream_protocol::socket> waiting;
  for (std::size_t i = 0; i < Control::max_clients; ++i) waiting.push_back(connect());
  auto extra = connect();
  EXPECT_THAT(read_all(extra), HasSubstr("too many ask at once"));
  asio::write(waiting.front(), asio::buffer(std::string("{\"command\": \"three\"}\n")));
  EXPECT_THAT(read_all(waiting.front()), EndsWith("part\n"));
  EXPECT_EQ(ask("{\"command\": \"three\"}\n"), "part\npart\npart\n") << "a place that becomes free is taken again";
}

/// A worker that was stuck kept what it was to answer: after eight of these nobody could ask anything.
TEST_F(ControlTest, WhoKeepsAnAnswerKeepsNoPlace) {
  for (std::size_t i = 0; i < 2 * Control::max_clients; ++i) EXPECT_EQ(ask("{\"command\": \"kept\"}\n"), "\"kept\"\n");
}

TEST_F(ControlTest, AnotherDaemonIsAStartErrorWhereThePathIsWrittenAndElseAWarning) {
  asio::io_context io;
  EXPECT_THROW(Control(io, options_, {}, *log_), StartError);
  ControlOptions standard = options_;
  standard.written = false;
  EXPECT_FALSE(Control(io, standard, {}, *log_).listens());
  EXPECT_TRUE(control_->listens());
}

}  // namespace
}  // namespace postern::net
