// TQL: Azure Digital Twins' query language and what Twingraph adds to it.
//
// A word is reserved only where ADT has a syntax error. The lexer knows words but no keywords:
// parse.cc gives a WORD the type of the keyword that it spells, in any case of letters, except
//   - after a dot, where every word is a name;
//   - ANY, CASE, DISTINCT and EXISTS, which are keywords only before what they introduce; CASE_OF
//     is a CASE that is not followed by WHEN.
// So every decision here needs one token, but the optional aliases (`name??`), which need three.
//
// Precedence: OR < AND < NOT < comparison < + - < * / % < sign.
grammar Tql;

tokens {
  ALL, AND, AS, ASC, BY, DESC, FALSE, FROM, GROUP, IN, NOT, NULL_, OR, ORDER, SELECT, TOP, TRUE, WHERE,

  ANY, CASE, CASE_OF, DISTINCT, EXISTS,

  BETWEEN, DIGITALTWINS, ELSE, END, EVERY, EXPLAIN, FILL, FIRST, GAP, HAVING, HISTORY, IS, JOIN, LAST,
  LIKE, LIMIT, LINEAR, MATCH, MAX, NIN, NULLS, OF, OFFSET, OPTIONAL, OVER, PARTITION, PREVIOUS, PROFILE,
  QUALIFY, RELATED, RELATIONSHIPS, SINCE, THEN, TO, WHEN, WITH
}

statement: verb=(EXPLAIN | PROFILE)? (WITH with+=withQuery (',' with+=withQuery)*)? query=select ';'? EOF;

withQuery: alias=name AS '(' query=select ')';

select:
  SELECT distinct=DISTINCT? (TOP '(' top=count ')')?
  (star='*' | items+=selectItem (',' items+=selectItem)*)?
  FROM source=fromSource clauses+=sourceClause*
  (WHERE where=expr)?
  (GROUP BY group+=expr (',' group+=expr)*)?
  (HAVING having=expr)?
  (QUALIFY qualify=expr)?
  (ORDER BY order+=sortKey (',' order+=sortKey)*)?
  (LIMIT limit=count)?
  (OFFSET offset=count)?;

count: INTEGER | PARAMETER;
selectItem: value=expr (AS alias=name)?;
sortKey: value=expr direction=(ASC | DESC)? (NULLS nulls=(FIRST | LAST))?;

fromSource:
    kind=DIGITALTWINS alias=name?? (AS OF asOf=additive)?
  | kind=RELATIONSHIPS alias=name?? (HISTORY all=ALL)? (AS OF asOf=additive)?
  | kind='(' query=select ')' alias=name??
  | collection=(WORD | QUOTED) alias=name?? (AS OF asOf=additive)?;

sourceClause: join=joinClause | optional=OPTIONAL? (match_=matchClause | history=historyClause);

joinClause: JOIN target=name RELATED origin=name '.' relationship=name alias=name??;

matchClause: MATCH paths+=pathPattern (',' paths+=pathPattern)*;
pathPattern: (alias=name '=')? nodes+=nodePattern (edges+=edgePattern nodes+=nodePattern)*;
nodePattern: '(' alias=name? (':' (model=name | modelId=STRING))? ')';
edgePattern:
  incoming='<'? '-' '[' alias=name? (':' names+=name ('|' names+=name)*)? range=hops? ']' '-' outgoing='>'?;
hops: '*' low=INTEGER? (dots='..' high=INTEGER?)?;

historyClause:
  HISTORY alias=name OF of+=historyPaths (',' of+=historyPaths)*
  (window=LAST lower=additive | window=SINCE lower=additive | window=FROM lower=additive TO upper=additive)
  (EVERY every=additive)?
  (FILL fill=(PREVIOUS | LINEAR | NULL_))?
  (MAX GAP gap=additive)?;
historyPaths: twin=name '.' '(' paths+=path (',' paths+=path)* ')';
path: names+=name ('.' names+=name)*;

expr: terms+=conjunction (OR terms+=conjunction)*;
conjunction: terms+=condition (AND terms+=condition)*;
condition:
  nots+=NOT* left=additive (
      op=('=' | '!=' | '<>' | '<' | '<=' | '>' | '>=') right=additive
    | op=NIN right=additive
    | negated=NOT? (op=IN right=additive | op=BETWEEN right=additive AND upper=additive | op=LIKE right=additive)
    | op=IS negated=NOT? NULL_
  )?;
additive: terms+=multiplicative (ops+=('+' | '-') terms+=multiplicative)*;
multiplicative: terms+=operand (ops+=('*' | '/' | '%') terms+=operand)*;
operand: signs+=('+' | '-')* base=primary steps+=step*;
step: '.' member=name | '[' index=expr ']';

primary:
    word=name args=arguments?
  | value=literal
  | '(' inner=expr ')'
  | items=list
  | choice=caseExpr
  | any=quantified
  | some=exists;

list: '[' (items+=expr (',' items+=expr)*)? ']';
quantified: quantifier=(ANY | ALL) '(' element=name IN of=additive WHERE where=expr ')';
exists: EXISTS '(' paths+=pathPattern (',' paths+=pathPattern)* (WHERE where=expr)? ')';
caseExpr: (CASE | CASE_OF subject=additive) whens+=when+ (ELSE otherwise=expr)? END;
when: WHEN test=expr THEN result=expr;

arguments: '(' (star='*' | distinct=DISTINCT? items+=expr (',' items+=expr)*)? ')' window=over?;
over:
  OVER '(' (PARTITION BY partition+=expr (',' partition+=expr)*)?
  (ORDER BY order+=sortKey (',' order+=sortKey)*)? ')';

literal:
    number=(INTEGER | NUMBER) unit=STRING?
  | constant=(STRING | DURATION | PARAMETER | TRUE | FALSE | NULL_);

name:
    WORD | QUOTED
  | BETWEEN | DIGITALTWINS | ELSE | END | EVERY | EXPLAIN | FILL | FIRST | GAP | HAVING | HISTORY | IS
  | JOIN | LAST | LIKE | LIMIT | LINEAR | MATCH | MAX | NIN | NULLS | OF | OFFSET | OPTIONAL | OVER
  | PARTITION | PREVIOUS | PROFILE | QUALIFY | RELATED | RELATIONSHIPS | SINCE | THEN | TO | WHEN | WITH;

// The text is read as bytes, so that a token's place is its place in the UTF-8 text.

DOT: '.';
COMMA: ',';
COLON: ':';
SEMICOLON: ';';
LEFT_PAREN: '(';
RIGHT_PAREN: ')';
LEFT_BRACKET: '[';
RIGHT_BRACKET: ']';
STAR: '*';
PLUS: '+';
MINUS: '-';
SLASH: '/';
PERCENT: '%';
EQUAL: '=';
NOT_EQUAL: '!=';
UNEQUAL: '<>';
LESS: '<';
LESS_EQUAL: '<=';
GREATER: '>';
GREATER_EQUAL: '>=';
BAR: '|';
DOTS: '..';

WORD: '$'? LETTER (LETTER | DIGIT)*;
QUOTED: '[[' NAME_TEXT ']]';
PARAMETER: '@' LETTER (LETTER | DIGIT)*;
INTEGER: DIGIT+;
NUMBER: DIGIT+ ('.' DIGIT+)? ([eE] [+\-]? DIGIT+)?;
DURATION: DIGIT+ ('.' DIGIT+)? ('ms' | [smhdw]);
STRING: '\'' SINGLE_TEXT '\'' | '"' DOUBLE_TEXT '"';

SPACE: [ \t\r\n]+ -> skip;
COMMENT: '--' ~[\r\n]* | '/*' COMMENT_TEXT '*'+ '/';

// What no rule above takes, so that the lexer never fails: parse.cc says what is wrong with it.
BAD_NUMBER: DIGIT+ ('.' DIGIT+)? LETTER (LETTER | DIGIT)*;
BAD_OPERATOR: '==' | '&&' | '||' | '!' | '=<' | '=>';
UNCLOSED_NAME: '[[' NAME_TEXT ']'?;
UNCLOSED_STRING: '\'' SINGLE_TEXT '\\'? | '"' DOUBLE_TEXT '\\'?;
UNCLOSED_COMMENT: '/*' COMMENT_TEXT '*'*;
OTHER: .;

fragment LETTER: [A-Za-z_] | '\u0080'..'\u00FF';
fragment DIGIT: [0-9];
fragment NAME_TEXT: ~[[\]] (~']' | ']' ~']')*;
fragment SINGLE_TEXT: (~['\\] | '\\' .)*;
fragment DOUBLE_TEXT: (~["\\] | '\\' .)*;
fragment COMMENT_TEXT: (~'*' | '*'+ ~[*/])*;
