#include "server/api/listen.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace twin::api {
namespace {

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

TEST(ListenTest, AddressesOfThisMachineNeedNoWord) {
  for (const char* address :
       {"127.0.0.1:0", "127.3.2.1:65535", "localhost:7480", "[::1]:7480", "unix:/run/twind.sock"}) {
    EXPECT_THAT(CheckAddress("--listen", address, /*insecure=*/false), IsOk()) << address;
  }
}

TEST(ListenTest, OthersDo) {
  for (const char* address :
       {"0.0.0.0:7480", "[::]:7480", "fleet.example:7480", "127a.example:1"}) {
    const absl::Status status = CheckAddress("--metrics-listen", address, /*insecure=*/false);
    EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument, HasSubstr("add --insecure")))
        << address;
    EXPECT_THAT(status.message(), HasSubstr("--metrics-listen")) << address;
    EXPECT_THAT(CheckAddress("--listen", address, /*insecure=*/true), IsOk()) << address;
  }
}

// 99999 was 34463 once: the lower 16 bits of it.
TEST(ListenTest, WhatIsNoAddressIsRefusedWithWhatIsAllowed) {
  for (const char* address : {"127.0.0.1:99999", "127.0.0.1:65536", "127.0.0.1:-1",
                              "127.0.0.1:", "127.0.0.1", ":7480", "7480", "", "127.0.0.1:http",
                              "::1:7480", "127.0.0.1:7480 ", "dns:///localhost:1", "[]:7480"}) {
    EXPECT_THAT(CheckAddress("--listen", address, /*insecure=*/true),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("--listen is '"), HasSubstr("0 to 65535"))))
        << address;
  }
  EXPECT_THAT(CheckAddress("--listen", "unix:", true),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("without a path")));
}

// A socket that listens, for as long as it lives.
class Listener {
 public:
  Listener() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_, any, length), 0);
    EXPECT_EQ(listen(socket_, 1), 0);
    EXPECT_EQ(getsockname(socket_, any, &length), 0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  ~Listener() { close(socket_); }
  const std::string& address() const { return address_; }

 private:
  int socket_;
  std::string address_;
};

TEST(ListenTest, AnAddressIsTriedBeforeItIsNeeded) {
  EXPECT_THAT(TryAddress("--listen", "127.0.0.1:0"), IsOk());
  std::string address;
  {
    const Listener listener;
    address = listener.address();
    EXPECT_THAT(TryAddress("--listen", address),
                StatusIs(StatusCode::kUnavailable,
                         AllOf(HasSubstr(absl::StrCat("cannot listen on --listen ", address)),
                               HasSubstr("is another server there?"))));
  }
  EXPECT_THAT(TryAddress("--listen", address), IsOk());
  EXPECT_THAT(TryAddress("--metrics-listen", "no-such-host.invalid:7481"),
              StatusIs(StatusCode::kUnavailable, HasSubstr("--metrics-listen no-such-host")));
  EXPECT_THAT(TryAddress("--listen", "unix:/nowhere/at/all"),
              StatusIs(StatusCode::kUnavailable, HasSubstr("No such file")));
  EXPECT_THAT(TryAddress("--listen", absl::StrCat("unix:", std::string(200, 'x'))),
              StatusIs(StatusCode::kUnavailable, HasSubstr("too long")));
}

}  // namespace
}  // namespace twin::api
