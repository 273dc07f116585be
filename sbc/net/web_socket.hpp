// A connection of a browser's phone: SIP over WebSocket (RFC 7118), in the clear or by TLS.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "acl/file_descriptor.hpp"
#include "sbc/net/byte_stream.hpp"
#include "sbc/net/stream_connection.hpp"

namespace postern::net {

/// `stream` works on `socket`. `origins`: whose pages may connect; empty: any.
std::shared_ptr<StreamConnection> make_web_socket(boost::asio::io_context& io, Streams& streams, const sbc::Flow& flow,
                                                  acl::FileDescriptor socket, std::unique_ptr<ByteStream> stream,
                                                  std::vector<std::string> origins);

}  // namespace postern::net
