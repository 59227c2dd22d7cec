#include "clients/twinctl/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twin::twinctl {
namespace {

using ::testing::HasSubstr;

// Two commands whose texts need quoting in every shell.
CommandInfo Tree() {
  CommandInfo info;
  info.path = "prog";
  info.text = {.name = "prog", .summary = "A program"};
  info.options = {
      {.names = {"--color"}, .value = "auto|never", .description = "Colours", .global = true}};
  CommandInfo get;
  get.path = "prog get";
  get.text = {.name = "get", .summary = "Get one's [things]: all\\of them"};
  get.options = {
      {.names = {"FILE"}, .value = "FILE", .description = "", .positional = true, .required = true},
      {.names = {"-n", "--name"},
       .value = "NAME",
       .description = "It's [one]; or two",
       .repeated = true},
      {.names = {"--from"}, .value = "FILE", .description = "Where from"},
      {.names = {"--all"}, .value = "", .description = "All"}};
  info.commands = {get};
  return info;
}

TEST(BashCompletionTest, HasABranchForEachCommand) {
  const std::string script = BashCompletion(Tree());
  EXPECT_THAT(script, HasSubstr("\n      'prog get') command+="));
  EXPECT_THAT(script, HasSubstr("    'prog')\n      case $previous in\n"
                                "        --color) words='auto never' ;;\n"
                                "        *) words='get' options='--color' ;;\n"));
  EXPECT_THAT(script,
              HasSubstr("    'prog get')\n      case $previous in\n"
                        "        -n | --name) words='' ;;\n"
                        "        --from) files=1 ;;\n"
                        "        *) words='' options='-n --name --from --all' files=1 ;;\n"));
  EXPECT_THAT(script, HasSubstr("complete -o default -o bashdefault -F _prog prog\n"));
}

TEST(ZshCompletionTest, HasAFunctionForEachCommand) {
  const std::string script = ZshCompletion(Tree());
  EXPECT_THAT(script, HasSubstr("#compdef prog\n"));
  EXPECT_THAT(script, HasSubstr("'get:Get one'\\''s \\[things\\]\\: all\\\\of them'\n"));
  EXPECT_THAT(script, HasSubstr("        get) _prog_get ;;\n"));
  EXPECT_THAT(script, HasSubstr("_prog_get() {\n"
                                "  _arguments \\\n"
                                "    ':FILE:_files' \\\n"
                                "    '*'{-n+,--name=}'[It'\\''s \\[one\\]]:value:' \\\n"
                                "    '(--from)'--from='[Where from]:value:_files' \\\n"
                                "    '(--all)'--all'[All]'\n"
                                "}\n"));
}

TEST(FishCompletionTest, HasLinesForEachCommand) {
  const std::string script = FishCompletion(Tree());
  EXPECT_THAT(script, HasSubstr("      case 'prog get'\n"));
  EXPECT_THAT(script, HasSubstr("complete -c prog -n '__prog_at \"prog\"' -a get -d 'Get one\\'s "
                                "[things]: all\\\\of them'\n"));
  EXPECT_THAT(script,
              HasSubstr("complete -c prog -n '__prog_at \"prog\"' -l color -x -a 'auto never'"));
  EXPECT_THAT(script, HasSubstr("complete -c prog -n '__prog_at \"prog get\"' -F\n"));
  EXPECT_THAT(script, HasSubstr("-s n -l name -x -d 'It\\'s [one]'\n"));
  EXPECT_THAT(script, HasSubstr("-l from -r -F -d 'Where from'\n"));
}

}  // namespace
}  // namespace twin::twinctl
