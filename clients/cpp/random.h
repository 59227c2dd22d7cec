// Randomness of the operating system.
#ifndef TWIN_CLIENTS_CPP_RANDOM_H_
#define TWIN_CLIENTS_CPP_RANDOM_H_

#include <cstdint>

namespace twin::client {

uint64_t RandomBits();

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_RANDOM_H_
