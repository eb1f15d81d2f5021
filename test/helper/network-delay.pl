#!/usr/bin/perl
# Usage: network-delay.pl MILLISECONDS
#
# Holds every packet of netfilter queue 0 for so long, in the order in which they came; prints
# "ready" once it does. For kernels without sch_netem. Perl because git brings it: nothing has to be
# installed. Numbers are those of linux/netfilter/nfnetlink_queue.h.
use strict;
use warnings;
use Socket qw(SOCK_RAW SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(time);

my ($AF_NETLINK, $NETLINK_NETFILTER, $SO_RCVBUFFORCE) = (16, 12, 33);
my ($PACKET, $CONFIG, $VERDICT_BATCH) = (0x300, 0x302, 0x303);
my ($QUEUE, $MOST_PACKETS) = (0, 100_000);
my $delay = ($ARGV[0] // die "how many milliseconds?\n") / 1000;

socket(my $socket, $AF_NETLINK, SOCK_RAW, $NETLINK_NETFILTER) or die "socket: $!\n";
setsockopt($socket, SOL_SOCKET, $SO_RCVBUFFORCE, 32 << 20)
  or setsockopt($socket, SOL_SOCKET, SO_RCVBUF, 32 << 20);
bind($socket, pack('SSLL', $AF_NETLINK, 0, 0, 0)) or die "bind: $!\n";

sub attribute {
  my ($type, $value) = @_;
  my $length = 4 + length $value;
  return pack('SS', $length, $type) . $value . "\0" x (-$length % 4);
}

sub tell_kernel {
  my ($type, @attributes) = @_;
  my $body = pack('CCn', 0, 0, $QUEUE) . join '', @attributes;
  # Flag 1: a request.
  send($socket, pack('LSSLL', 16 + length $body, $type, 1, 0, 0) . $body, 0) or die "send: $!\n";
}

# The ids of the packets in one message of the kernel.
sub packets_of {
  my ($message) = @_;
  my @ids;
  while (length $message >= 16) {
    my ($length, $type) = unpack('LS', $message);
    die "the kernel refuses: error ${\ -unpack('x16l', $message)}\n" if $type == 2;
    my $attributes = substr $message, 20, $length - 20;
    while ($type == $PACKET && length $attributes >= 4) {
      my ($size, $kind) = unpack('SS', $attributes);
      push @ids, unpack('x4N', $attributes) if $kind == 1;
      substr $attributes, 0, ($size + 3) & ~3, '';
    }
    substr $message, 0, ($length + 3) & ~3, '';
  }
  return @ids;
}

# Bind; the packets' ids without their contents; so many may wait.
tell_kernel($CONFIG, attribute(1, pack('CCn', 1, 0, 0)));
tell_kernel($CONFIG, attribute(2, pack('NC', 0, 1)));
tell_kernel($CONFIG, attribute(3, pack('N', $MOST_PACKETS)));
$| = 1;
print "ready\n";

my @waiting;
while (1) {
  my $readable = '';
  vec($readable, fileno $socket, 1) = 1;
  my $left = @waiting ? $waiting[0][0] - time : undef;
  if (select($readable, undef, undef, defined $left && $left < 0 ? 0 : $left) > 0) {
    # ENOBUFS: more came than the socket holds; those are lost, as on any busy link.
    if (defined recv($socket, my $message, 1 << 16, 0)) {
      push @waiting, [time + $delay, $_] for packets_of($message);
    }
  }
  my $due;
  $due = (shift @waiting)->[1] while @waiting && $waiting[0][0] <= time;
  # Accepts this packet and all before it.
  tell_kernel($VERDICT_BATCH, attribute(2, pack('NN', 1, $due))) if defined $due;
}
