#include "tests/replay/player.hpp"

#include <algorithm>

#include "sbc/calls.hpp"
#include "sbc/state.hpp"
#include "sip/uri.hpp"
#include "tests/replay/event_text.hpp"
#include "tests/replay/message_text.hpp"
#include "tests/replay/words.hpp"

namespace postern::replay {
namespace {

std::string shown(std::string_view bytes) {
  std::string out;
  for (const std::string& line : lines_of_message(bytes)) out += "      " + line + "\n";
  return out;
}

}  // namespace

void Player::play(const Script& script) {
  Player player(script.config);
  int line = 1;
  for (const Step& step : script.steps) {
    line = step.line.number;
    try {
      player.step(step);
    } catch (const Failure&) {
      throw;
    } catch (const std::exception& error) {
      throw Failure(line, error.what());
    }
  }
  player.nothing_is_left(line);
}

void Player::step(const Step& step) {
  const std::string& word = step.words.front();
  if (const auto party = parties_.find(word); party != parties_.end()) return of_party(party->second, step);
  if (word == "endpoint") return add_party(step);
  if (word == "nothing") return nothing_is_left(step.line.number);
  if (word == "wait") return wait(step);
  if (word == "outcome") return outcome(step);
  if (word == "outcomes") return outcomes(step);
  if (word == "call" || (word == "no" && step.words.back() == "call")) return call(step);
  if (word == "log" || word == "no") return log(step);
  if (word == "metric") return metric(step);
  if (word == "restart") return step.words.size() > 1 ? bench_.restart_without_state() : bench_.restart();
  if (word == "new") return bench_.new_token_key();
  if (word == "old") return bench_.forget_old_token_keys();
  if (word == "reload") return reload(step);
  if (word == "switch") return switches(step);
  throw Failure(step.line.number, "\"" + word + "\" is neither a step nor an endpoint");
}

void Player::of_party(Party& party, const Step& step) {
  const auto& words = step.words;
  if (words.size() >= 2 && words[1] == "sends") return words.size() > 2 && words[2] == "raw" ? sends_raw(party, step) : sends(party, step);
  if (words.size() >= 4 && words[1] == "answers") return answers(party, step);
  if (words.size() >= 3 && words[1] == "gets") {
    if (words[2] == "the" && words.back() != "the") return gets_same(party, step);
    if (words.size() == 3 && words[2] == "raw") return gets_raw(party, step);
    if (words.size() == 4 && words[3] == "messages") return gets_many(party, step);
    return gets(party, step);
  }
  if (words.size() == 2 && words[1] == "connects") return connects(party);
  if (words.size() == 2 && words[1] == "disconnects") return disconnects(party);
  throw Failure(step.line.number, "an endpoint sends, answers, gets, connects or disconnects");
}

void Player::add_party(const Step& step) {
  const auto& words = step.words;
  const int line = step.line.number;
  if (words.size() < 3) throw Failure(line, "endpoint NAME ADDRESS:PORT [core | at LISTENER]");
  Party party;
  party.name = words[1];
  const sbc::Endpoint peer = endpoint_of(words[2], line);
  if (words.size() > 3 && words[3] == "core") {
    party.flow = bench_.core_flow(peer);
  } else if (words.size() > 4 && words[3] == "at") {
    const auto& listeners = bench_.options().listeners;
    const auto found = std::ranges::find(listeners, words[4], &sbc::ListenerOptions::name);
    if (found == listeners.end()) throw Failure(line, "no listener of that name");
    party.flow = bench_.access_flow(peer, static_cast<std::uint8_t>(found - listeners.begin()));
  } else {
    party.flow = bench_.access_flow(peer);
  }
  if (words.size() > 5) party.flow.local = *acl::Address::parse(words[5]);
  if (!sbc::is_datagram(party.flow.transport)) connects(party);
  parties_[party.name] = party;
}

void Player::disconnects(const Party& party) {
  if (party.flow.side == sbc::Side::core) return bench_.disconnect_pbx(party.flow.peer, "the connection has ended");
  bench_.disconnect(party.flow);
}

void Player::connects(Party& party) {
  if (party.flow.side == sbc::Side::core) return bench_.connect_pbx(party.flow.peer);
  party.flow.connection = ++connections_;
  const sbc::Outcome outcome = bench_.connect(party.flow);
  outcomes_ = {{std::string(sbc::info(outcome).word), 1}};
}

void Player::reload(const Step& step) {
  nothing_is_left(step.line.number);
  std::string yaml;
  for (const Line& line : step.block) yaml += line.text + "\n";
  bench_.reload(yaml);
}

// switch off; switch bypass 30m; switch lockdown 1h; switch block 1001 [outgoing] 24h
void Player::switches(const Step& step) {
  const auto& words = step.words;
  const std::string& what = words.at(1);
  const sbc::TimePoint now = bench_.now();
  const sbc::TimePoint until = what == "off" ? now : now + duration_of(words.back(), step.line.number);
  std::vector<sbc::DeviceBlock> blocks;
  if (what == "block") blocks.push_back({words.at(2), words.at(3) == "outgoing", until});
  bench_.engine().set_switches(std::make_shared<const sbc::Switches>(what == "bypass" ? until : sbc::TimePoint(),
                                                                     what == "lockdown" ? until : sbc::TimePoint(), std::move(blocks)));
}

std::string Player::request_text(Party& party, const Step& step) {
  std::vector<std::string> lines;
  for (const Line& line : step.block) lines.push_back(filled_in(line.text, captures_));
  if (lines.empty()) throw Failure(step.line.number, "what does it send?");
  const std::string text =
      complete_request(lines, {party.name, party.flow.peer.to_string(), party.cseq + 1, sbc::via_name(party.flow.transport)});
  const std::string cseq = header_of(text, "CSeq");
  if (!cseq.empty()) party.cseq = std::atoi(cseq.c_str());  // NOLINT(cert-err34-c): a test's own text
  return text;
}

void Player::put(Party& party, const std::string& bytes) {
  const sbc::Outcome outcome = bench_.handle(party.flow, bytes);
  ++outcomes_[std::string(sbc::info(outcome).word)];
}

void Player::sends(Party& party, const Step& step) {
  nothing_is_left(step.line.number);
  bench_.events.clear();
  outcomes_.clear();
  // "phone sends 100 times": {n} counts them.
  const int times = step.words.size() == 4 && step.words[3] == "times" ? number_of(step.words[2], step.line.number) : 1;
  for (int i = 1; i <= times; ++i) {
    captures_["n"] = std::to_string(i);
    put(party, request_text(party, step));
  }
  captures_.erase("n");
}

void Player::sends_raw(Party& party, const Step& step) {
  nothing_is_left(step.line.number);
  bench_.events.clear();
  outcomes_.clear();
  std::string bytes;
  for (const Line& line : step.block) bytes += unescaped(filled_in(line.text, captures_));
  put(party, bytes);
}

// phone answers INVITE 180 Ringing [tagged X]
void Player::answers(Party& party, const Step& step) {
  nothing_is_left(step.line.number);
  bench_.events.clear();
  outcomes_.clear();
  const auto request = party.requests.find(step.words[2]);
  if (request == party.requests.end()) throw Failure(step.line.number, party.name + " got no " + step.words[2]);
  std::string status, tag = party.name + "-tag";
  for (std::size_t i = 3; i < step.words.size(); ++i) {
    if (step.words[i] == "tagged" && i + 1 < step.words.size()) {
      tag = step.words[i + 1];
      break;
    }
    status += (status.empty() ? "" : " ") + step.words[i];
  }
  if (status.starts_with("100")) tag.clear();
  std::vector<std::string> lines;
  for (const Line& line : step.block) lines.push_back(filled_in(line.text, captures_));
  put(party, answer_to(request->second, status, tag, lines));
}

testing::Sent Player::take(Party& party, int line, std::string_view expected) {
  const auto found = std::ranges::find_if(bench_.sent, [&](const testing::Sent& sent) { return sent.flow == party.flow; });
  if (found != bench_.sent.end()) {
    testing::Sent sent = *found;
    bench_.sent.erase(found);
    return sent;
  }
  std::string message = party.name + " got nothing; expected: " + std::string(expected) + "\n    the last packet's outcome was " +
                        std::string(sbc::info(bench_.outcome()).word) + "\n";
  for (const auto& other : bench_.sent) message += "    sent to " + other.flow.peer.to_string() + ":\n" + shown(other.bytes);
  throw Failure(line, message);
}

void Player::gets(Party& party, const Step& step) {
  const bool exactly = step.words.back() == "exactly";
  std::string first;
  for (std::size_t i = 2; i + (exactly ? 1 : 0) < step.words.size(); ++i) first += (first.empty() ? "" : " ") + step.words[i];
  const testing::Sent sent = take(party, step.line.number, first);
  const std::vector<std::string> lines = lines_of_message(sent.bytes);
  const auto fail = [&](int line, const std::string& what) {
    throw Failure(line, what + "\n    sent to " + party.name + ":\n" + shown(sent.bytes));
  };
  // "phone gets INVITE" names the method; "phone gets 200 OK" the status line.
  const std::string start = lines.empty() ? "" : lines.front();
  const bool status = !first.empty() && first[0] >= '0' && first[0] <= '9';
  if (!exactly && (status ? start != "SIP/2.0 " + first : !start.starts_with(first + " "))) fail(step.line.number, "expected " + first);
  if (exactly) {
    // The empty line at the end of a message without a body is understood.
    std::size_t shown_lines = lines.size();
    if (shown_lines > 0 && lines.back().empty() && shown_lines == step.block.size() + 1) --shown_lines;
    for (std::size_t i = 0; i < std::max(shown_lines, step.block.size()); ++i) {
      const std::string want = i < step.block.size() ? step.block[i].text : "(nothing more)";
      const std::string got = i < shown_lines ? lines[i] : "(nothing more)";
      if (!matches(want, got, captures_))
        fail(i < step.block.size() ? step.block[i].number : step.line.number, "expected: " + want + "\n    sent:     " + got);
    }
  }
  for (const Line& line : exactly ? std::vector<Line>{} : step.block) {
    if (line.text.starts_with("! ")) {
      const std::string unwanted = filled_in(line.text.substr(2), captures_);
      if (sent.bytes.find(unwanted) != std::string::npos) fail(line.number, "must not be there: " + unwanted);
    } else if (!std::ranges::any_of(lines, [&](const std::string& got) { return matches(line.text, got, captures_); })) {
      fail(line.number, "expected: " + line.text);
    }
  }
  party.last_got = sent.bytes;
  if (start.find("SIP/2.0") != 0) party.requests[start.substr(0, start.find(' '))] = sent.bytes;
}

// "phone gets raw": bytes, written as for `sends raw`.
void Player::gets_raw(Party& party, const Step& step) {
  std::string expected;
  for (const Line& line : step.block) expected += unescaped(line.text);
  const testing::Sent sent = take(party, step.line.number, "bytes");
  if (sent.bytes == expected) return;
  throw Failure(step.line.number, "sent to " + party.name + ": " + escaped(sent.bytes));
}

// "phone gets the same [3 times]": byte for byte what it got last.
void Player::gets_same(Party& party, const Step& step) {
  const int times = step.words.back() == "times" ? number_of(step.words[step.words.size() - 2], step.line.number) : 1;
  for (int i = 0; i < times; ++i) {
    const testing::Sent sent = take(party, step.line.number, "the same, " + std::to_string(times) + " times");
    if (sent.bytes != party.last_got)
      throw Failure(step.line.number, "not the same as before:\n" + shown(sent.bytes) + "    before:\n" + shown(party.last_got));
  }
}

void Player::gets_many(Party& party, const Step& step) {
  const int count = number_of(step.words[2], step.line.number);
  for (int i = 0; i < count; ++i) take(party, step.line.number, std::to_string(count) + " messages");
}

void Player::nothing_is_left(int line) {
  if (bench_.sent.empty()) return;
  std::string message = "sent, but not expected:\n";
  for (const auto& sent : bench_.sent) {
    const auto party = std::ranges::find_if(parties_, [&](const auto& known) { return known.second.flow == sent.flow; });
    message += "    to " + (party == parties_.end() ? sent.flow.peer.to_string() : party->first) + ":\n" + shown(sent.bytes);
  }
  throw Failure(line, message);
}

void Player::wait(const Step& step) {
  nothing_is_left(step.line.number);
  bench_.events.clear();
  if (step.words.size() != 2) throw Failure(step.line.number, "wait DURATION");
  bench_.wait(duration_of(step.words[1], step.line.number));
}

void Player::outcome(const Step& step) {
  const std::string_view got = sbc::info(bench_.outcome()).word;
  outcome_index(step.words.at(1), step.line.number);
  if (got != step.words.at(1)) throw Failure(step.line.number, "expected outcome " + step.words.at(1) + ", it was " + std::string(got));
}

// outcomes 20 forwarded, 80 method_limit
void Player::outcomes(const Step& step) {
  std::map<std::string, int> expected;
  for (std::size_t i = 1; i + 1 < step.words.size(); i += 2) {
    std::string word = step.words[i + 1];
    if (word.ends_with(',')) word.pop_back();
    outcome_index(word, step.line.number);
    expected[word] = number_of(step.words[i], step.line.number);
  }
  if (expected == outcomes_) return;
  std::string message = "the outcomes were:";
  for (const auto& [word, count] : outcomes_) message += " " + std::to_string(count) + " " + word;
  throw Failure(step.line.number, message);
}

// log KIND key=value ... ; no log KIND
void Player::log(const Step& step) {
  std::size_t first = 1;
  const bool absent = step.words.front() == "no";
  if (absent) first = 2;
  std::string all;
  for (const auto& event : bench_.events) {
    const std::string text = replay::text_of(event);
    all += "    " + text + "\n";
    const bool kind = step.words.size() > first && text.starts_with(step.words[first]);
    const bool found =
        kind && std::all_of(step.words.begin() + static_cast<std::ptrdiff_t>(first) + 1, step.words.end(),
                            [&](const std::string& word) { return (text + " ").find(" " + word + " ") != std::string::npos; });
    if (found && absent) throw Failure(step.line.number, "logged: " + text);
    if (found) return;
  }
  if (!absent) throw Failure(step.line.number, "not logged; what was:\n" + all);
}

// call key=value ... ; no call
void Player::call(const Step& step) {
  std::string all;
  bool found = false;
  sbc::ListCursor cursor;
  bench_.engine().list(cursor, sbc::Capacity::calls, [&](const sbc::Call& call) {
    const std::string text = " call_id=" + call.call_id + " device=" + call.device + " from=" + call.from + " to=" + call.to +
                             " source=" + call.access.peer.to_string() + " state=" + sbc::to_string(call.state) + " ";
    all += "    call" + text + "\n";
    found = found || std::all_of(step.words.begin() + 1, step.words.end(), [&](const std::string& word) {
              return text.find(" " + filled_in(word, captures_) + " ") != std::string::npos;
            });
  });
  if (step.words.front() == "no" && !all.empty()) throw Failure(step.line.number, "there are calls:\n" + all);
  if (step.words.front() != "no" && !found) throw Failure(step.line.number, "no such call; there are:\n" + all);
}

}  // namespace postern::replay
