// Arguments that Redis 7.0's commands document: the first half of the names. Grammar:
// command-docs-grammar.ts.

/** Names of commands, a colon, then their arguments; a row goes on while lines are indented. */
export const firstArgumentRows = `
acl|cat : categoryname:string?
acl|deluser : username:string*
acl|dryrun : username:string command:string arg:string?*
acl|genpass : bits:integer?
acl|getuser : username:string
acl|log : operation:oneof?( count:integer <reset> )
acl|setuser : username:string rule:string?*
append getset setnx : key#0 value:string
auth : username:string?~6.0.0 password:string
bgsave : <schedule>?~3.2.2
bitcount : key#0 index:block?( start:integer end:integer index_unit:oneof?~7.0.0( <byte> <bit> )
  )
bitfield : key#0 operation:oneof?*( encoding_offset:block=GET( encoding:string offset:integer )
  write:block( wrap_sat_fail:oneof=OVERFLOW?( <wrap> <sat> <fail> ) write_operation:oneof(
  encoding_offset_value:block=SET( encoding:string offset:integer value:integer )
  encoding_offset_increment:block=INCRBY( encoding:string offset:integer increment:integer ) ) ) )
bitfield_ro : key#0 encoding_offset:block=GET?*+( encoding:string offset:integer )
bitop : operation:string destkey:key#0 key#1*
bitpos : key#0 bit:integer index:block?( start:integer end_index:block?( end:integer
  index_unit:oneof?~7.0.0( <byte> <bit> ) ) )
blmove : source:key#0 destination:key#1 wherefrom:oneof( <left> <right> ) whereto:oneof( <left>
  <right> ) timeout:double
blmpop : timeout:double numkeys:integer key#0* where:oneof( <left> <right> )
  count:integer=COUNT?
blpop brpop bzpopmax bzpopmin : key#0* timeout:double
brpoplpush : source:key#0 destination:key#1 timeout:double
bzmpop : timeout:double numkeys:integer key#0* where:oneof( <min> <max> ) count:integer=COUNT?
client|caching : mode:oneof( <yes> <no> )
client|kill : filter:oneof( "ip:port":string!2.8.12 new-format:oneof*(
  client-id:integer=ID?~2.8.12 normal_master_slave_pubsub:oneof=TYPE?~2.8.12( <normal>
  <master>~3.2.0 <slave> <replica>~5.0.0 <pubsub> ) username:string=USER? "ip:port":string=ADDR?
  "ip:port":string=LADDR?~6.2.0 yes/no:string=SKIPME? ) )
client|list : normal_master_replica_pubsub:oneof=TYPE?~5.0.0( <normal> <master> <replica>
  <pubsub> ) id:block=ID?~6.2.0( client-id:integer* )
client|no-evict : enabled:oneof( <on> <off> )
client|pause : timeout:integer mode:oneof?~6.2.0( <write> <all> )
client|reply : on_off_skip:oneof( <on> <off> <skip> )
client|setname : connection-name:string
client|tracking : status:oneof( <on> <off> ) client-id:integer=REDIRECT? prefix:string=PREFIX?*+
  <bcast>? <optin>? <optout>? <noloop>?
client|unblock : client-id:integer timeout_error:oneof?( <timeout> <error> )
cluster|addslots cluster|delslots : slot:integer*
cluster|addslotsrange cluster|delslotsrange : start-slot_end-slot:block*( start-slot:integer
  end-slot:integer )
cluster|count-failure-reports cluster|forget cluster|replicas cluster|replicate cluster|slaves :
  node-id:string
cluster|countkeysinslot : slot:integer
cluster|failover : options:oneof?( <force> <takeover> )
cluster|getkeysinslot : slot:integer count:integer
cluster|keyslot : key:string
cluster|meet : ip:string port:integer cluster_bus_port:integer?~4.0.0
cluster|reset : hard_soft:oneof?( <hard> <soft> )
cluster|set-config-epoch : config-epoch:integer
cluster|setslot : slot:integer subcommand:oneof( node-id:string=IMPORTING
  node-id:string=MIGRATING node-id:string=NODE <stable> )
command|docs command|info : command-name:string?*
command|list : filterby:oneof=FILTERBY?( module-name:string=MODULE category:string=ACLCAT
  pattern=PATTERN )
config|get : parameter:block*( parameter:string )
config|set : parameter_value:block*( parameter:string value:string )
copy : source:key#0 destination:key#1 destination-db:integer=DB? <replace>?
decr dump expiretime get getdel hgetall hkeys hlen hvals incr llen object|encoding object|freq
  object|idletime object|refcount persist pexpiretime pttl scard smembers strlen ttl type
  xinfo|groups xlen zcard : key#0
decrby : key#0 decrement:integer
del exists mget pfcount sdiff sinter sunion touch unlink watch : key#0*
echo : message:string
eval eval_ro : script:string numkeys:integer key#0?* arg:string?*
evalsha evalsha_ro : sha1:string numkeys:integer key#0?* arg:string?*
expire : key#0 seconds:integer condition:oneof?~7.0.0( <nx> <xx> <gt> <lt> )
expireat : key#0 unix-time-seconds:unix-time condition:oneof?~7.0.0( <nx> <xx> <gt> <lt> )
failover : target:block=TO?( host:string port:integer <force>? ) <abort>?
  milliseconds:integer=TIMEOUT?
fcall fcall_ro : function:string numkeys:integer key#0?* arg:string?*
flushall flushdb : async:oneof?( <async>~4.0.0 <sync>~6.2.0 )
function|delete : library-name:string
function|flush : async:oneof?( <async> <sync> )
function|list : library-name-pattern:string=LIBRARYNAME? <withcode>?
function|load : <replace>? function-code:string
function|restore : serialized-value:string policy:oneof?( <flush> <append> <replace> )
geoadd : key#0 condition:oneof?~6.2.0( <nx> <xx> ) change:pure-token=CH?~6.2.0
  longitude_latitude_member:block*( longitude:double latitude:double member:string )
geodist : key#0 member1:string member2:string unit:oneof?( <m> <km> <ft> <mi> )
geohash geopos sadd smismember srem zmscore zrem : key#0 member:string*
georadius : key#0 longitude:double latitude:double radius:double unit:oneof( <m> <km> <ft> <mi>
  ) <withcoord>? <withdist>? <withhash>? count:block?( count:integer=COUNT <any>?~6.2.0 )
  order:oneof?( <asc> <desc> ) key=STORE#1? key=STOREDIST#2?
georadius_ro : key#0 longitude:double latitude:double radius:double unit:oneof( <m> <km> <ft>
  <mi> ) <withcoord>? <withdist>? <withhash>? count:block?( count:integer=COUNT <any>?~6.2.0 )
  order:oneof?( <asc> <desc> )
georadiusbymember : key#0 member:string radius:double unit:oneof( <m> <km> <ft> <mi> )
  <withcoord>? <withdist>? <withhash>? count:block?( count:integer=COUNT <any>? ) order:oneof?(
  <asc> <desc> ) key=STORE#1? key=STOREDIST#2?
georadiusbymember_ro : key#0 member:string radius:double unit:oneof( <m> <km> <ft> <mi> )
  <withcoord>? <withdist>? <withhash>? count:block?( count:integer=COUNT <any>? ) order:oneof?(
  <asc> <desc> )
geosearch : key#0 from:oneof( member:string=FROMMEMBER longitude_latitude:block=FROMLONLAT(
  longitude:double latitude:double ) ) by:oneof( circle:block( radius:double=BYRADIUS unit:oneof(
  <m> <km> <ft> <mi> ) ) box:block( width:double=BYBOX height:double unit:oneof( <m> <km> <ft>
  <mi> ) ) ) order:oneof?( <asc> <desc> ) count:block?( count:integer=COUNT <any>? ) <withcoord>?
  <withdist>? <withhash>?
geosearchstore : destination:key#0 source:key#1 from:oneof( member:string=FROMMEMBER
  longitude_latitude:block=FROMLONLAT( longitude:double latitude:double ) ) by:oneof(
  circle:block( radius:double=BYRADIUS unit:oneof( <m> <km> <ft> <mi> ) ) box:block(
  width:double=BYBOX height:double unit:oneof( <m> <km> <ft> <mi> ) ) ) order:oneof?( <asc> <desc>
  ) count:block?( count:integer=COUNT <any>? ) <storedist>?
getbit : key#0 offset:integer
getex : key#0 expiration:oneof?( seconds:integer=EX milliseconds:integer=PX
  unix-time-seconds:unix-time=EXAT unix-time-milliseconds:unix-time=PXAT <persist> )
getrange substr : key#0 start:integer end:integer
hdel hmget : key#0 field:string*
hello : arguments:block?( protover:integer username_password:block=AUTH?( username:string
  password:string ) clientname:string=SETNAME? )
hexists hget hstrlen : key#0 field:string
hincrby : key#0 field:string increment:integer
hincrbyfloat : key#0 field:string increment:double
hmset hset : key#0 field_value:block*( field:string value:string )
hrandfield : key#0 options:block?( count:integer <withvalues>? )
hscan sscan zscan : key#0 cursor:integer pattern=MATCH? count:integer=COUNT?
hsetnx : key#0 field:string value:string
incrby : key#0 increment:integer
incrbyfloat : key#0 increment:double
info : section:string?*
keys : pattern
latency|graph latency|history : event:string
latency|histogram : command:string?*
latency|reset : event:string?*
lcs : key1:key#0 key2:key#0 <len>? <idx>? len:integer=MINMATCHLEN? <withmatchlen>?
lindex : key#0 index:integer
linsert : key#0 where:oneof( <before> <after> ) pivot:string element:string
lmove : source:key#0 destination:key#1 wherefrom:oneof( <left> <right> ) whereto:oneof( <left>
  <right> )
`;
