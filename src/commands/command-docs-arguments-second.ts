// Arguments that Redis 7.0's commands document: the second half of the names.
// Grammar: command-docs-grammar.ts.

/** Names of commands, a colon, then their arguments; a row goes on while lines are indented. */
export const secondArgumentRows = `
lmpop : numkeys:integer key#0* where:oneof( <left> <right> ) count:integer=COUNT?
lolwut : version:integer=VERSION?
lpop rpop : key#0 count:integer?~6.2.0
lpos : key#0 element:string rank:integer=RANK? num-matches:integer=COUNT? len:integer=MAXLEN?
lpush lpushx rpush rpushx : key#0 element:string*
lrange ltrim zremrangebyrank : key#0 start:integer stop:integer
lrem : key#0 count:integer element:string
lset : key#0 index:integer element:string
memory|usage : key#0 count:integer=SAMPLES?
migrate : host:string port:integer key_or_empty_string:oneof( key#0 empty_string:pure-token="" )
  destination-db:integer timeout:integer <copy>?~3.0.0 <replace>?~3.0.0 authentication:oneof?(
  password:string=AUTH?~4.0.7 username_password:block=AUTH2?~6.0.0( username:string
  password:string ) ) key=KEYS#1?*~3.0.6
module|load : path:string arg:string?*
module|loadex : path:string configs:block=CONFIG?*+( name:string value:string )
  args:block=ARGS?*( arg:string )
module|unload : name:string
move : key#0 db:integer
mset msetnx : key_value:block*( key#0 value:string )
pexpire : key#0 milliseconds:integer condition:oneof?~7.0.0( <nx> <xx> <gt> <lt> )
pexpireat : key#0 unix-time-milliseconds:unix-time condition:oneof?~7.0.0( <nx> <xx> <gt> <lt> )
pfadd : key#0 element:string?*
pfdebug : subcommand:string key#0
pfmerge : destkey:key#0 sourcekey:key#1*
ping : message:string?
psetex : key#0 milliseconds:integer value:string
psubscribe : pattern:block*( pattern )
psync : replicationid:string offset:integer
publish : channel:string message:string
pubsub|channels pubsub|shardchannels : pattern?
pubsub|numsub unsubscribe : channel:string?*
pubsub|shardnumsub sunsubscribe : shardchannel:string?*
punsubscribe : pattern?*
rename renamenx : key#0 newkey:key#1
replicaof slaveof : args:oneof( host-port:block( host:string port:integer ) no-one:block( <no>
  <one> ) )
restore restore-asking : key#0 ttl:integer serialized-value:string <replace>?~3.0.0
  <absttl>?~5.0.0 seconds:integer=IDLETIME?~5.0.0 frequency:integer=FREQ?~5.0.0
rpoplpush : source:key#0 destination:key#1
scan : cursor:integer pattern=MATCH? count:integer=COUNT? type:string=TYPE?~6.0.0
script|debug : mode:oneof( <yes> <sync> <no> )
script|exists : sha1:string*
script|flush : async:oneof?~6.2.0( <async> <sync> )
script|load : script:string
sdiffstore sinterstore sunionstore : destination:key#0 key#1*
select : index:integer
set : key#0 value:string condition:oneof?~2.6.12( <nx> <xx> ) <get>?~6.2.0 expiration:oneof?(
  seconds:integer=EX~2.6.12 milliseconds:integer=PX~2.6.12 unix-time-seconds:unix-time=EXAT~6.2.0
  unix-time-milliseconds:unix-time=PXAT~6.2.0 <keepttl>~6.0.0 )
setbit : key#0 offset:integer value:integer
setex : key#0 seconds:integer value:string
setrange : key#0 offset:integer value:string
shutdown : nosave_save:oneof?( <nosave> <save> ) <now>?~7.0.0 <force>?~7.0.0 <abort>?~7.0.0
sintercard zintercard : numkeys:integer key#0* limit:integer=LIMIT?
sismember zrank zrevrank zscore : key#0 member:string
slowlog|get : count:integer?
smove : source:key#0 destination:key#1 member:string
sort : key#0 pattern=BY#1? offset_count:block=LIMIT?( offset:integer count:integer )
  pattern=GET#1?*+ order:oneof?( <asc> <desc> ) sorting:pure-token=ALPHA? destination:key=STORE#2?
sort_ro : key#0 pattern=BY#1? offset_count:block=LIMIT?( offset:integer count:integer )
  pattern=GET#1?*+ order:oneof?( <asc> <desc> ) sorting:pure-token=ALPHA?
spop : key#0 count:integer?~3.2.0
spublish : shardchannel:string message:string
srandmember : key#0 count:integer?~2.6.0
ssubscribe : shardchannel:string*
subscribe : channel:string*
swapdb : index1:integer index2:integer
wait : numreplicas:integer timeout:integer
xack : key#0 group:string id:string*
xadd : key#0 <nomkstream>?~6.2.0 trim:block?( strategy:oneof( <maxlen> <minid>~6.2.0 )
  operator:oneof?( equal:pure-token="=" approximately:pure-token="~" ) threshold:string
  count:integer=LIMIT?~6.2.0 ) id_or_auto:oneof( auto_id:pure-token="*" id:string )
  field_value:block*( field:string value:string )
xautoclaim : key#0 group:string consumer:string min-idle-time:string start:string
  count:integer=COUNT? <justid>?
xclaim : key#0 group:string consumer:string min-idle-time:string id:string* ms:integer=IDLE?
  unix-time-milliseconds:unix-time=TIME? count:integer=RETRYCOUNT? <force>? <justid>?
  id:string=LASTID?
xdel : key#0 id:string*
xgroup|create : key#0 groupname:string id:oneof( id:string new_id:pure-token="$" ) <mkstream>?
  entries_read:integer=ENTRIESREAD?
xgroup|createconsumer xgroup|delconsumer : key#0 groupname:string consumername:string
xgroup|destroy xinfo|consumers : key#0 groupname:string
xgroup|setid : key#0 groupname:string id:oneof( id:string new_id:pure-token="$" )
  entries_read:integer=ENTRIESREAD?
xinfo|stream : key#0 full:block=FULL?( count:integer=COUNT? )
xpending : key#0 group:string filters:block?( min-idle-time:integer=IDLE?~6.2.0 start:string
  end:string count:integer consumer:string? )
xrange : key#0 start:string end:string count:integer=COUNT?
xread : count:integer=COUNT? milliseconds:integer=BLOCK? streams:block=STREAMS( key#0*
  id:string* )
xreadgroup : group_consumer:block=GROUP( group:string consumer:string ) count:integer=COUNT?
  milliseconds:integer=BLOCK? <noack>? streams:block=STREAMS( key#0* id:string* )
xrevrange : key#0 end:string start:string count:integer=COUNT?
xsetid : key#0 last-id:string entries_added:integer=ENTRIESADDED?~7.0.0
  max_deleted_entry_id:string=MAXDELETEDID?~7.0.0
xtrim : key#0 trim:block( strategy:oneof( <maxlen> <minid>~6.2.0 ) operator:oneof?(
  equal:pure-token="=" approximately:pure-token="~" ) threshold:string count:integer=LIMIT?~6.2.0
  )
zadd : key#0 condition:oneof?~3.0.2( <nx> <xx> ) comparison:oneof?~6.2.0( <gt> <lt> )
  change:pure-token=CH?~3.0.2 increment:pure-token=INCR?~3.0.2 score_member:block*( score:double
  member:string )
zcount zremrangebyscore : key#0 min:double max:double
zdiff : numkeys:integer key#0* <withscores>?
zdiffstore : destination:key#0 numkeys:integer key#1*
zincrby : key#0 increment:integer member:string
zinter zunion : numkeys:integer key#0* weight:integer=WEIGHTS?* aggregate:oneof=AGGREGATE?(
  <sum> <min> <max> ) <withscores>?
zinterstore zunionstore : destination:key#0 numkeys:integer key#1* weight:integer=WEIGHTS?*
  aggregate:oneof=AGGREGATE?( <sum> <min> <max> )
zlexcount zremrangebylex : key#0 min:string max:string
zmpop : numkeys:integer key#0* where:oneof( <min> <max> ) count:integer=COUNT?
zpopmax zpopmin : key#0 count:integer?
zrandmember : key#0 options:block?( count:integer <withscores>? )
zrange : key#0 start:string stop:string sortby:oneof?~6.2.0( <byscore> <bylex> ) <rev>?~6.2.0
  offset_count:block=LIMIT?~6.2.0( offset:integer count:integer ) <withscores>?
zrangebylex : key#0 min:string max:string offset_count:block=LIMIT?( offset:integer
  count:integer )
zrangebyscore : key#0 min:double max:double <withscores>?~2.0.0 offset_count:block=LIMIT?(
  offset:integer count:integer )
zrangestore : dst:key#0 src:key#1 min:string max:string sortby:oneof?( <byscore> <bylex> )
  <rev>? offset_count:block=LIMIT?( offset:integer count:integer )
zrevrange : key#0 start:integer stop:integer <withscores>?
zrevrangebylex : key#0 max:string min:string offset_count:block=LIMIT?( offset:integer
  count:integer )
zrevrangebyscore : key#0 max:double min:double <withscores>? offset_count:block=LIMIT?(
  offset:integer count:integer )
`;
