// The inside of Workers: one of them (workers.cpp: their life; workers_ask.cpp: what the main thread asks them).
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "sbc/net/mailbox.hpp"
#include "sbc/net/workers.hpp"

namespace postern::net {

struct Workers::Member {
  explicit Member(boost::asio::io_context* main);

  /// What is in its mailbox, on its thread.
  void deliver();

  std::optional<boost::asio::io_context> own;  ///< of those that are not on the main thread
  boost::asio::io_context* io;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> stays;
  WaitingNotes waiting;
  Mailbox mailbox;
  std::vector<sbc::Note> taken;  ///< of its thread: what is learned at this time
  std::unique_ptr<Company> company;
  std::unique_ptr<Worker> worker;
  bool stuck = false;  ///< it has not come to what it was asked (Workers::ask()); of the main thread
  std::jthread thread;
};

}  // namespace postern::net
