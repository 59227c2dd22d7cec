// What a batch asks for, on one line: for the message of a failure.
#ifndef TWIN_TESTS_SIM_DESCRIBE_H_
#define TWIN_TESTS_SIM_DESCRIBE_H_

#include <string>

#include "server/ingest/operation.h"

namespace twin::sim {

std::string Describe(const ingest::WriteBatch& batch);

}  // namespace twin::sim

#endif  // TWIN_TESTS_SIM_DESCRIBE_H_
